/* y[i] = f(x[i]): one file a function, each made with LISSOM_UNARY. */
#ifndef LISSOM_UNARY_H
#define LISSOM_UNARY_H

#include <string.h>

#include "lissom_common.h"

typedef struct {
    int32_t count;
    float alpha; /* what the function calls its first and second constant */
    float beta;
} lissom_unary_params;

/* v, no smaller than low and no larger than high. */
static inline float lissom_between(float low, float v, float high) { return v > low ? (v < high ? v : high) : low; }

/* Results of so many elements are computed before they are stored. */
#define LISSOM_UNARY_BLOCK 128

/* Defines NAME over elements TYPE; EXPRESSION computes the result from `v`, `alpha` and `beta`. y may be x: so results go
 * through a block of their own, which a compiler can see to be apart from x. */
#define LISSOM_UNARY(NAME, TYPE, EXPRESSION)                                                   \
    void NAME(const lissom_unary_params *p, const TYPE *x, TYPE *y);                           \
    void NAME(const lissom_unary_params *p, const TYPE *x, TYPE *y)                            \
    {                                                                                          \
        const float alpha = p->alpha;                                                          \
        const float beta = p->beta;                                                            \
        (void)alpha;                                                                           \
        (void)beta;                                                                            \
        for (int32_t at = 0; at < p->count; at += LISSOM_UNARY_BLOCK) {                        \
            const int32_t n = lissom_smaller(LISSOM_UNARY_BLOCK, p->count - at);               \
            TYPE results[LISSOM_UNARY_BLOCK];                                                  \
            for (int32_t i = 0; i < n; ++i) {                                                  \
                const TYPE v = x[at + i];                                                      \
                results[i] = (EXPRESSION);                                                     \
            }                                                                                  \
            memcpy(y + at, results, (size_t)n * sizeof(TYPE));                                 \
        }                                                                                      \
    }

#endif
