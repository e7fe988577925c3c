/* The part of string.h that the C of seqrt needs, where there is no C library; step.c defines it. */
#ifndef SEQRT_STRING_H
#define SEQRT_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);

#endif
