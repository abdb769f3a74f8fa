/* y[i] = f(x[i]): one file a function, each made with LISSOM_UNARY. */
#ifndef LISSOM_UNARY_H
#define LISSOM_UNARY_H

#include "lissom_common.h"

typedef struct {
    int32_t count;
    float alpha; /* what the function calls its first and second constant */
    float beta;
} lissom_unary_params;

/* Defines NAME over elements TYPE; EXPRESSION computes the result from `v`, `alpha` and `beta`. y may be x. */
#define LISSOM_UNARY(NAME, TYPE, EXPRESSION)                                  \
    void NAME(const lissom_unary_params *p, const TYPE *x, TYPE *y);          \
    void NAME(const lissom_unary_params *p, const TYPE *x, TYPE *y)           \
    {                                                                         \
        const float alpha = p->alpha;                                         \
        const float beta = p->beta;                                           \
        (void)alpha;                                                          \
        (void)beta;                                                           \
        for (int32_t i = 0; i < p->count; ++i) {                              \
            const TYPE v = x[i];                                              \
            y[i] = (EXPRESSION);                                              \
        }                                                                     \
    }

#endif
