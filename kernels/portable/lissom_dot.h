/* Dot products of 16-bit and 8-bit integers, in the form compilers turn into multiply-add instructions. */
#ifndef LISSOM_DOT_H
#define LISSOM_DOT_H

#include "lissom_common.h"

/* How many rows share one pass over the weights. */
#define LISSOM_DOT_ROWS 4

/* sums[i] = dot of row i of a, (4, n), and w. */
static inline void lissom_dot_4(const int16_t *a, const int8_t *w, int32_t n, int32_t *sums)
{
    const int16_t *const a1 = a + n;
    const int16_t *const a2 = a1 + n;
    const int16_t *const a3 = a2 + n;
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    for (int32_t i = 0; i < n; ++i) {
        const int16_t v = w[i];
        s0 += a[i] * v;
        s1 += a1[i] * v;
        s2 += a2[i] * v;
        s3 += a3[i] * v;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static inline int32_t lissom_dot_1(const int16_t *a, const int8_t *w, int32_t n)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; ++i) {
        sum += (int32_t)a[i] * (int32_t)w[i];
    }
    return sum;
}

#endif
