/* The broadcasting loop of 8-bit binary kernels; EXPRESSION computes a byte from the centred values `u` and `v`. */
#ifndef LISSOM_BINARY_Q8_H
#define LISSOM_BINARY_Q8_H

#include "lissom_quantize.h"

#define LISSOM_BINARY_Q8(NAME, EXPRESSION)                                                        \
    void NAME(const lissom_binary_q8_params *p, const uint8_t *a, const uint8_t *b, uint8_t *y)   \
    {                                                                                             \
        const int32_t last = p->rank - 1;                                                         \
        const int32_t sa = p->a_stride[last];                                                     \
        const int32_t sb = p->b_stride[last];                                                     \
        const lissom_q8_input qa = p->a;                                                          \
        const lissom_q8_input qb = p->b;                                                          \
        const lissom_q8_output q = p->y;                                                          \
        const float a_ratio = p->a_ratio;                                                         \
        const float b_ratio = p->b_ratio;                                                         \
        const float multiplier = p->multiplier;                                                   \
        int32_t index[LISSOM_MAX_RANK] = {0};                                                     \
        int32_t ia = 0;                                                                           \
        int32_t ib = 0;                                                                           \
        int32_t rows = 1;                                                                         \
        (void)a_ratio, (void)b_ratio, (void)multiplier;                                           \
        for (int32_t axis = 0; axis < last; ++axis) {                                             \
            rows *= p->size[axis];                                                                \
        }                                                                                         \
        for (int32_t row = 0; row < rows; ++row) {                                                \
            for (int32_t i = 0; i < p->size[last]; ++i) {                                         \
                const int32_t u = lissom_centred(a[ia + i * sa], qa.flip, qa.zero);               \
                const int32_t v = lissom_centred(b[ib + i * sb], qb.flip, qb.zero);               \
                *y++ = (EXPRESSION);                                                              \
            }                                                                                     \
            lissom_step(last, p->size, index, p->a_stride, &ia, p->b_stride, &ib);                \
        }                                                                                         \
    }

#endif
