"""The C of functions of one number.

All are float32 without libm but sqrtf. Comparisons that choose between numbers are made on their
bits, as integers, because compilers then vectorise the loops without being told to relax anything.
The coefficients are least-maximum fits of this project. tests/export/to_c/test_routines.py has the
relative errors: in units of 2^-24 at most 2.6 for sigmoid, 4.6 for tanh and 3.2 for exp.
"""

from __future__ import annotations

from typing import Final

FUNCTIONS: Final[dict[str, str]] = {
    "bits": """
typedef union { float f; int32_t i; } seqrt_bits;""",
    "half": """
/* the number that 16 bits are: sign, 5 bits of exponent, 10 of fraction; no infinity, no NaN */
static inline float seqrt_half(uint16_t h) {
#ifdef __ARM_FP16_FORMAT_IEEE /* of gcc with -mfp16-format=ieee: one instruction */
    union { uint16_t i; __fp16 f; } v;
    v.i = h;
    return v.f;
#else
    seqrt_bits u;
    u.i = (int32_t)(((uint32_t)h & 0x8000u) << 16 | ((uint32_t)h & 0x7fffu) << 13);
    return u.f * 5192296858534827628530496329220096.0f; /* 2^112 */
#endif
}""",
    "isnan": """
static inline int seqrt_isnan(float v) {
    seqrt_bits u;
    u.f = v;
    return (u.i & 0x7fffffff) > 0x7f800000;
}""",
    "nan_of": """
/* r, or NaN if v is NaN */
static inline float seqrt_nan_of(float v, float r) {
    seqrt_bits a, b;
    a.f = v;
    b.f = r;
    b.i |= -(int32_t)((a.i & 0x7fffffff) > 0x7f800000);
    return b.f;
}""",
    "power": """
/* e^v for v from -87 to 87; beyond, and for NaN, that of the nearer end */
static inline float seqrt_power(float v) {
    float n, r, p;
    seqrt_bits u, k;
    u.f = v;
    k.i = u.i & 0x7fffffff;
    k.i = k.i < 0x42ae0000 ? k.i : 0x42ae0000;
    u.i = k.i | (u.i & (-0x7fffffff - 1));
    k.f = u.f * 1.44269504f + 12582912.0f; /* rounds to whole numbers, in the low bits of k */
    n = k.f - 12582912.0f;
    r = (u.f - n * 0.693359375f) + n * 2.12194440e-4f;
    p = (((1.3814465e-3f * r + 8.368781e-3f) * r + 4.1668393e-2f) * r + 1.666652e-1f) * r
        + 4.9999994e-1f;
    p = p * r * r + r + 1.0f;
    u.i = (int32_t)(((uint32_t)k.i + 127u) << 23);
    return p * u.f;
}""",
    "sigmoid": """
static inline float seqrt_sigmoid(float v) {
    return seqrt_nan_of(v, 1.0f / (1.0f + seqrt_power(-v)));
}""",
    "tanh": """
static inline float seqrt_tanh(float v) {
    float q = v * v;
    seqrt_bits u, small, large;
    u.f = v;
    small.f = ((((-5.6039053e-3f * q + 2.0551711e-2f) * q - 5.3714104e-2f) * q + 1.3331152e-1f) * q
               - 3.3333272e-1f) * q * v + v;
    large.f = 1.0f - 2.0f / (seqrt_power(2.0f * v) + 1.0f);
    u.i = -(int32_t)((u.i & 0x7fffffff) < 0x3f200000);
    u.i = (small.i & u.i) | (large.i & ~u.i);
    return seqrt_nan_of(v, u.f);
}""",
    "relu": """
static inline float seqrt_relu(float v) {
    seqrt_bits u;
    u.f = v;
    u.i &= -(int32_t)((u.i >= 0) | ((u.i & 0x7fffffff) > 0x7f800000));
    return u.f;
}""",
    "hard_sigmoid": """
static inline float seqrt_hard_sigmoid(float v, float a, float b) {
    v = a * v + b;
    return v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v;
}""",
    "hardsigmoid": """
static inline float seqrt_hardsigmoid(float v) {
    v = 0.2f * v + 0.5f;
    return v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v;
}""",
    "hard_swish": """
static inline float seqrt_hard_swish(float v) {
    float a = (v + 3.0f) / 6.0f;
    return v * (a < 0.0f ? 0.0f : a > 1.0f ? 1.0f : a);
}""",
    "exp": """
static inline float seqrt_exp(float v) {
    float p = seqrt_power(v);
    if (v > 87.0f || v < -87.0f) {
        p = seqrt_power(0.5f * v);
        p *= p;
    }
    return seqrt_nan_of(v, p);
}""",
    "expm1": """
static inline float seqrt_expm1(float v) {
    float p = (((1.3814465e-3f * v + 8.368781e-3f) * v + 4.1668393e-2f) * v + 1.666652e-1f) * v
              + 4.9999994e-1f;
    return v > -0.34f && v < 0.34f ? p * v * v + v : seqrt_exp(v) - 1.0f;
}""",
    "log": """
static inline float seqrt_log(float v) {
    float s, q, n = 0.0f;
    seqrt_bits u;
    if (!(v > 0.0f) || v > 3.402823466e38f) {
        u.i = v < 0.0f ? 0x7fc00000 : (int32_t)0x7f800000;
        return v == 0.0f ? -u.f : v < 0.0f ? u.f : v;
    }
    if (v < 1.17549435e-38f) {
        v *= 16777216.0f;
        n = -24.0f;
    }
    u.f = v;
    n += (float)(((u.i - 0x3f3504f3) >> 23)); /* so that m is from sqrt(1/2) to sqrt(2) */
    u.i -= (int32_t)((uint32_t)((u.i - 0x3f3504f3) >> 23) << 23);
    s = (u.f - 1.0f) / (u.f + 1.0f);
    q = s * s;
    q = ((1.4949329e-1f * q + 1.9988306e-1f) * q + 3.333339e-1f) * q * s + s;
    return (n * 0.693359375f + 2.0f * q) - n * 2.12194440e-4f;
}""",
    "log1p": """
static inline float seqrt_log1p(float v) {
    float u = 1.0f + v;
    return u == 1.0f ? v : seqrt_log(u) + (v - (u - 1.0f)) / u;
}""",
    "softplus": """
static inline float seqrt_softplus(float v) {
    return seqrt_relu(v) + seqrt_log1p(seqrt_exp(-seqrt_abs(v)));
}""",
    "softsign": """
static inline float seqrt_softsign(float v) { return v / (1.0f + seqrt_abs(v)); }""",
    "atanh": """
static inline float seqrt_atanh(float v) {
    float q = v * v, p = (1.4949329e-1f * q + 1.9988306e-1f) * q + 3.333339e-1f;
    if (q < 0.0294f) { return p * q * v + v; }
    return 0.5f * seqrt_log((1.0f + v) / (1.0f - v));
}""",
    "erf": """
static inline float seqrt_erf(float v) {
    float a = seqrt_abs(v), q = v * v, t, p;
    if (a < 1.0f) {
        return (((((7.8239726e-5f * q - 8.0027926e-4f) * q + 5.1876768e-3f) * q - 2.6853573e-2f) * q
                 + 1.1283582e-1f) * q - 3.7612626e-1f) * q * v + 1.1283791f * v;
    }
    t = 1.0f / (1.0f + 0.5f * (a < 4.0f ? a : 4.0f));
    p = ((((((5.1444255e-2f * t - 8.5817955e-2f) * t - 1.1621678e-1f) * t + 2.152873e-1f) * t
           + 1.0774596e-1f) * t + 2.6635885e-1f) * t + 2.791306e-1f) * t + 2.822834e-1f;
    p = 1.0f - p * t * seqrt_power(-q);
    return seqrt_nan_of(v, v < 0.0f ? -p : p);
}""",
    "abs": """
static inline float seqrt_abs(float v) {
    seqrt_bits u;
    u.f = v;
    u.i &= 0x7fffffff;
    return u.f;
}""",
    "leaky": """
static inline float seqrt_leaky(float v, float a) { return v < 0.0f ? a * v : v; }""",
    "elu": """
static inline float seqrt_elu(float v, float a) { return v < 0.0f ? a * seqrt_expm1(v) : v; }""",
    "celu": """
static inline float seqrt_celu(float v, float a) {
    return v < 0.0f ? a * seqrt_expm1(v / a) : v;
}""",
    "pow": """
/* v^n for any n, through float64 */
static inline float seqrt_pow(float v, float n) {
    double m, s, q, sum, r, term;
    int i, e = 0;
    if (!(v > 0.0f)) { return v == 0.0f ? (n > 0.0f ? 0.0f : 1.0f / (v * v)) : (v - v) / (v - v); }
    if (v > 3.402823466e38f) { return n > 0.0f ? v : 0.0f; }
    for (m = (double)v; m >= 1.4142135623730951; e++) { m *= 0.5; }
    for (; m < 0.7071067811865476; e--) { m *= 2.0; }
    s = (m - 1.0) / (m + 1.0);
    q = s * s;
    for (i = 21, sum = 0.0; i > 0; i -= 2) { sum = sum * q + 1.0 / (double)i; }
    r = ((double)e + 2.0 * s * sum * 1.4426950408889634) * (double)n; /* of base 2 */
    if (r > 128.0 || r < -150.0) { return r > 0.0 ? 3.402823466e38f * 2.0f : 0.0f; }
    e = (int)(r < 0.0 ? r - 0.5 : r + 0.5);
    r = (r - (double)e) * 0.6931471805599453;
    for (i = 1, sum = 1.0, term = 1.0; i < 14; i++) {
        term *= r / (double)i;
        sum += term;
    }
    for (; e > 0; e--) { sum *= 2.0; }
    for (; e < 0; e++) { sum *= 0.5; }
    return (float)sum;
}""",
    "max": """
static inline float seqrt_max(float a, float b) { return a > b || seqrt_isnan(a) ? a : b; }""",
    "min": """
static inline float seqrt_min(float a, float b) { return a < b || seqrt_isnan(a) ? a : b; }""",
    "filled": """
static inline float seqrt_filled(float v, float fill) { return seqrt_isnan(v) ? fill : v; }""",
    "square": """
static inline float seqrt_square(float v) { return v * v; }""",
    "whole_power": """
static inline float seqrt_whole_power(float v, int n) {
    float p = 1.0f;
    int i;
    for (i = 0; i < (n < 0 ? -n : n); i++) { p *= v; }
    return n < 0 ? 1.0f / p : p;
}""",
}
