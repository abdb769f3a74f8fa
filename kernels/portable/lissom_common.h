/* What every kernel shares: fixed-width integers, sizes and element types.
 *
 * A kernel takes a constant parameter struct and pointers. It allocates nothing, keeps no state and calls no kernel.
 * Sizes and strides count elements unless a comment says bytes; every tensor has fewer than 2^31 bytes.
 */
#ifndef LISSOM_COMMON_H
#define LISSOM_COMMON_H

#include <stddef.h>
#include <stdint.h>

#define LISSOM_MAX_RANK 8

enum lissom_element {
    LISSOM_F32,
    LISSOM_F64,
    LISSOM_I8,
    LISSOM_U8,
    LISSOM_I16,
    LISSOM_U16,
    LISSOM_I32,
    LISSOM_U32,
    LISSOM_I64,
    LISSOM_U64,
    LISSOM_BOOL
};

static inline int32_t lissom_smaller(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t lissom_larger(int32_t a, int32_t b) { return a > b ? a : b; }

/* Step the odometer `index` through `size`, last axis fastest, moving `*a` and `*b` along their strides. */
static inline void lissom_step(int32_t rank, const int32_t *size, int32_t *index, const int32_t *a_stride, int32_t *a,
                               const int32_t *b_stride, int32_t *b)
{
    for (int32_t axis = rank - 1; axis >= 0; --axis) {
        *a += a_stride[axis];
        *b += b_stride[axis];
        if (++index[axis] < size[axis]) {
            return;
        }
        index[axis] = 0;
        *a -= a_stride[axis] * size[axis];
        *b -= b_stride[axis] * size[axis];
    }
}

#endif
