/* y = f(a, b) with broadcasting: one file a function, each made with LISSOM_BINARY. */
#ifndef LISSOM_BINARY_H
#define LISSOM_BINARY_H

#include "lissom_common.h"

typedef struct {
    int32_t rank; /* 1 or more; y is contiguous, so it needs no strides */
    int32_t size[LISSOM_MAX_RANK];
    int32_t a_stride[LISSOM_MAX_RANK]; /* 0 along a broadcast axis */
    int32_t b_stride[LISSOM_MAX_RANK];
} lissom_binary_params;

/* Defines NAME from elements TYPE to elements RESULT; EXPRESSION computes the result from `u` and `v`. y may be a or b
 * where that operand is not broadcast. The innermost axis has three loops of constant stride, for the vectorizer. */
#define LISSOM_BINARY(NAME, TYPE, RESULT, EXPRESSION)                                           \
    static inline RESULT NAME##_one(TYPE u, TYPE v) { return (EXPRESSION); }                    \
    void NAME(const lissom_binary_params *p, const TYPE *a, const TYPE *b, RESULT *y);          \
    void NAME(const lissom_binary_params *p, const TYPE *a, const TYPE *b, RESULT *y)           \
    {                                                                                           \
        const int32_t last = p->rank - 1;                                                       \
        const int32_t n = p->size[last];                                                        \
        const int32_t sa = p->a_stride[last];                                                   \
        const int32_t sb = p->b_stride[last];                                                   \
        int32_t index[LISSOM_MAX_RANK] = {0};                                                   \
        int32_t ia = 0;                                                                         \
        int32_t ib = 0;                                                                         \
        int32_t rows = 1;                                                                       \
        for (int32_t axis = 0; axis < last; ++axis) {                                           \
            rows *= p->size[axis];                                                              \
        }                                                                                       \
        for (int32_t row = 0; row < rows; ++row) {                                              \
            const TYPE *const ra = a + ia;                                                      \
            const TYPE *const rb = b + ib;                                                      \
            if (sa == 1 && sb == 1) {                                                           \
                for (int32_t i = 0; i < n; ++i) {                                               \
                    y[i] = NAME##_one(ra[i], rb[i]);                                            \
                }                                                                               \
            } else if (sa == 1 && sb == 0) {                                                    \
                const TYPE v = *rb;                                                             \
                for (int32_t i = 0; i < n; ++i) {                                               \
                    y[i] = NAME##_one(ra[i], v);                                                \
                }                                                                               \
            } else if (sa == 0 && sb == 1) {                                                    \
                const TYPE u = *ra;                                                             \
                for (int32_t i = 0; i < n; ++i) {                                               \
                    y[i] = NAME##_one(u, rb[i]);                                                \
                }                                                                               \
            } else {                                                                            \
                for (int32_t i = 0; i < n; ++i) {                                               \
                    y[i] = NAME##_one(ra[i * sa], rb[i * sb]);                                  \
                }                                                                               \
            }                                                                                   \
            y += n;                                                                             \
            lissom_step(last, p->size, index, p->a_stride, &ia, p->b_stride, &ib);              \
        }                                                                                       \
    }

#endif
