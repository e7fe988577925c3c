/* The part of math.h that the C of seqrt needs: an instruction of wasm, with -fno-math-errno. */
#ifndef SEQRT_MATH_H
#define SEQRT_MATH_H

static inline float sqrtf(float x) { return __builtin_sqrtf(x); }

#endif
