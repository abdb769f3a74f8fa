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

/* Results that are accumulated at once where neighbours in x belong to neighbours in y. */
#define LISSOM_REDUCE_BLOCK 64

/* Defines NAME: `acc` of type ACC begins as INITIAL, becomes STEP for each element `v`, and gives RESULT; `n` counts
 * the elements. One kernel a file. */
#define LISSOM_REDUCE(NAME, TYPE, ACC, INITIAL, STEP, RESULT)                                                  \
    static inline ACC with(ACC acc, TYPE v) { return (STEP); }                                                 \
    static inline TYPE result(ACC acc, int32_t n)                                                              \
    {                                                                                                          \
        (void)n;                                                                                               \
        return (RESULT);                                                                                       \
    }                                                                                                          \
    void NAME(const lissom_reduce_params *p, const TYPE *x, TYPE *y);                                          \
    void NAME(const lissom_reduce_params *p, const TYPE *x, TYPE *y)                                           \
    {                                                                                                          \
        const int32_t last = p->reduced_rank - 1;                                                              \
        const int32_t length = p->reduced_size[last];                                                          \
        const int32_t stride = p->reduced_stride[last];                                                        \
        const int32_t inner = p->kept_rank - 1;                                                                \
        const int32_t together = p->kept_stride[inner] == 1 ? LISSOM_REDUCE_BLOCK : 1;                         \
        int32_t rows = 1;                                                                                      \
        int32_t lines = 1;                                                                                     \
        int32_t kept[LISSOM_MAX_RANK] = {0};                                                                   \
        int32_t base = 0;                                                                                      \
        int32_t unused = 0;                                                                                    \
        for (int32_t axis = 0; axis < inner; ++axis) {                                                         \
            rows *= p->kept_size[axis];                                                                        \
        }                                                                                                      \
        for (int32_t axis = 0; axis < last; ++axis) {                                                          \
            lines *= p->reduced_size[axis];                                                                    \
        }                                                                                                      \
        for (int32_t row = 0; row < rows; ++row) {                                                             \
            for (int32_t o = 0; o < p->kept_size[inner]; o += together) {                                      \
                const int32_t width = lissom_smaller(together, p->kept_size[inner] - o);                       \
                int32_t index[LISSOM_MAX_RANK] = {0};                                                          \
                int32_t at = base + o * p->kept_stride[inner];                                                 \
                ACC acc[LISSOM_REDUCE_BLOCK];                                                                  \
                for (int32_t i = 0; i < width; ++i) {                                                          \
                    acc[i] = (INITIAL);                                                                        \
                }                                                                                              \
                for (int32_t line = 0; line < lines; ++line) {                                                 \
                    const TYPE *from = x + at;                                                                 \
                    if (width == 1) {                                                                          \
                        ACC one = acc[0];                                                                      \
                        for (int32_t i = 0; i < length; ++i, from += stride) {                                 \
                            one = with(one, *from);                                                            \
                        }                                                                                      \
                        acc[0] = one;                                                                          \
                    } else {                                                                                   \
                        for (int32_t j = 0; j < length; ++j, from += stride) {                                 \
                            for (int32_t i = 0; i < width; ++i) {                                              \
                                acc[i] = with(acc[i], from[i]);                                                \
                            }                                                                                  \
                        }                                                                                      \
                    }                                                                                          \
                    lissom_step(last, p->reduced_size, index, p->reduced_stride, &at, p->reduced_stride,       \
                                &unused);                                                                      \
                }                                                                                              \
                for (int32_t i = 0; i < width; ++i) {                                                          \
                    *y++ = result(acc[i], lines * length);                                                     \
                }                                                                                              \
            }                                                                                                  \
            lissom_step(inner, p->kept_size, kept, p->kept_stride, &base, p->kept_stride, &unused);            \
        }                                                                                                      \
    }

#endif
