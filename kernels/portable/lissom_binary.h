/* y = f(a, b) with broadcasting: one file a function, each made with LISSOM_BINARY. */
#ifndef LISSOM_BINARY_H
#define LISSOM_BINARY_H

#include <string.h>

#include "lissom_common.h"

typedef struct {
    int32_t rank; /* 1 or more; y is contiguous, so it needs no strides */
    int32_t size[LISSOM_MAX_RANK];
    int32_t a_stride[LISSOM_MAX_RANK]; /* 0 along a broadcast axis */
    int32_t b_stride[LISSOM_MAX_RANK];
} lissom_binary_params;

/* Results of so many elements are computed before they are stored. */
#define LISSOM_BINARY_BLOCK 128

/* Defines NAME from elements TYPE to elements RESULT; EXPRESSION computes the result from `u` and `v`, and from the
 * parameters p, of type PARAMS. One kernel a file. y may be a or b where that operand is not broadcast. So that the loop
 * over EXPRESSION becomes vectors, operands with another stride than 1 are gathered before it, and results go through a
 * block of their own, which a compiler can see to be apart from the operands. */
#define LISSOM_BINARY_OF(NAME, PARAMS, TYPE, RESULT, EXPRESSION)                                \
    static const TYPE *run(const TYPE *from, int32_t stride, int32_t n, TYPE *block)            \
    {                                                                                           \
        const TYPE first = *from;                                                               \
        if (stride == 1) {                                                                      \
            return from;                                                                        \
        }                                                                                       \
        for (int32_t i = 0; i < n; ++i) {                                                       \
            block[i] = stride == 0 ? first : from[i * stride];                                  \
        }                                                                                       \
        return block;                                                                           \
    }                                                                                           \
    void NAME(const PARAMS *p, const TYPE *a, const TYPE *b, RESULT *y);                        \
    void NAME(const PARAMS *p, const TYPE *a, const TYPE *b, RESULT *y)                         \
    {                                                                                           \
        const int32_t last = p->rank - 1;                                                       \
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
            for (int32_t at = 0; at < p->size[last]; at += LISSOM_BINARY_BLOCK) {               \
                const int32_t n = lissom_smaller(LISSOM_BINARY_BLOCK, p->size[last] - at);      \
                TYPE blocks[2][LISSOM_BINARY_BLOCK];                                            \
                RESULT results[LISSOM_BINARY_BLOCK];                                            \
                const TYPE *const ra = run(a + ia + at * sa, sa, n, blocks[0]);                 \
                const TYPE *const rb = run(b + ib + at * sb, sb, n, blocks[1]);                 \
                for (int32_t i = 0; i < n; ++i) {                                               \
                    const TYPE u = ra[i];                                                       \
                    const TYPE v = rb[i];                                                       \
                    results[i] = (EXPRESSION);                                                  \
                }                                                                               \
                memcpy(y, results, (size_t)n * sizeof(RESULT));                                 \
                y += n;                                                                         \
            }                                                                                   \
            lissom_step(last, p->size, index, p->a_stride, &ia, p->b_stride, &ib);              \
        }                                                                                       \
    }

#define LISSOM_BINARY(NAME, TYPE, RESULT, EXPRESSION) \
    LISSOM_BINARY_OF(NAME, lissom_binary_params, TYPE, RESULT, EXPRESSION)

#endif
