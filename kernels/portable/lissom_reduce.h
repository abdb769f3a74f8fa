/* Reductions over any axes: one file a function, each made with LISSOM_REDUCE. */
#ifndef LISSOM_REDUCE_H
#define LISSOM_REDUCE_H

#include "lissom_common.h"

typedef struct {
    int32_t kept_rank; /* axes that stay, in order: y is contiguous over them */
    int32_t kept_size[LISSOM_MAX_RANK];
    int32_t kept_stride[LISSOM_MAX_RANK];
    int32_t reduced_rank; /* axes that are summed over, with their strides in x */
    int32_t reduced_size[LISSOM_MAX_RANK];
    int32_t reduced_stride[LISSOM_MAX_RANK];
} lissom_reduce_params;

/* Defines NAME: `acc` of type ACC begins as INITIAL, becomes STEP for each element `v`, and gives RESULT; `n` counts
 * the elements. */
#define LISSOM_REDUCE(NAME, TYPE, ACC, INITIAL, STEP, RESULT)                                                  \
    void NAME(const lissom_reduce_params *p, const TYPE *x, TYPE *y);                                          \
    void NAME(const lissom_reduce_params *p, const TYPE *x, TYPE *y)                                           \
    {                                                                                                          \
        const int32_t *const none = p->kept_stride;                                                            \
        int32_t outputs = 1;                                                                                   \
        int32_t n = 1;                                                                                         \
        int32_t kept[LISSOM_MAX_RANK] = {0};                                                                   \
        int32_t base = 0;                                                                                      \
        int32_t unused = 0;                                                                                    \
        for (int32_t axis = 0; axis < p->kept_rank; ++axis) {                                                  \
            outputs *= p->kept_size[axis];                                                                     \
        }                                                                                                      \
        for (int32_t axis = 0; axis < p->reduced_rank; ++axis) {                                               \
            n *= p->reduced_size[axis];                                                                        \
        }                                                                                                      \
        for (int32_t o = 0; o < outputs; ++o) {                                                                \
            int32_t index[LISSOM_MAX_RANK] = {0};                                                              \
            int32_t at = base;                                                                                 \
            ACC acc = (INITIAL);                                                                               \
            for (int32_t i = 0; i < n; ++i) {                                                                  \
                const TYPE v = x[at];                                                                          \
                acc = (STEP);                                                                                  \
                lissom_step(p->reduced_rank, p->reduced_size, index, p->reduced_stride, &at,                   \
                            p->reduced_stride, &unused);                                                       \
            }                                                                                                  \
            y[o] = (RESULT);                                                                                   \
            lissom_step(p->kept_rank, p->kept_size, kept, p->kept_stride, &base, none, &unused);               \
        }                                                                                                      \
    }

#endif
