/* Batched matrix products with any strides: y[b, i, j] = sum over k of a[b, i, k] * b[b, k, j]; rows of y are contiguous. */
#ifndef LISSOM_MATMUL_H
#define LISSOM_MATMUL_H

#include "lissom_requantize.h"

/* Rows and columns of y that are accumulated at once. */
#define LISSOM_MATMUL_ROWS 4
#define LISSOM_MATMUL_COLUMNS 64

typedef struct {
    int32_t rank; /* of the batch axes */
    int32_t batch[LISSOM_MAX_RANK];
    int32_t a_batch[LISSOM_MAX_RANK]; /* strides, 0 where an operand is broadcast */
    int32_t b_batch[LISSOM_MAX_RANK];
    int32_t y_batch[LISSOM_MAX_RANK];
    int32_t m, n, k;
    int32_t a_m, a_k; /* strides of a along i and k */
    int32_t b_k, b_n; /* strides of b along k and j */
    int32_t y_m;      /* stride of y along i */
    int32_t c_m, c_n; /* strides of the addend, the same for all of the batch */
    float alpha;      /* y = alpha * sum + beta * c */
    float beta;
} lissom_matmul_params;

typedef struct {
    lissom_matmul_params matmul; /* alpha and beta unused */
    lissom_q8_input a;
    lissom_q8_output y;
    int32_t b_plain; /* b is a constant of int8 with zero point 0 */
    int32_t b_flip;
    int32_t b_zero_stride; /* along j: 0 for one zero point, 1 for one each */
    int32_t multiplier_stride;
} lissom_matmul_q8_params;

typedef struct {
    int32_t rank; /* of y */
    int32_t size[LISSOM_MAX_RANK];
    int32_t a_stride[LISSOM_MAX_RANK];
    int32_t b_stride[LISSOM_MAX_RANK];
    int32_t sum_rank; /* axes that are summed over */
    int32_t sum_size[LISSOM_MAX_RANK];
    int32_t sum_a[LISSOM_MAX_RANK];
    int32_t sum_b[LISSOM_MAX_RANK];
} lissom_contract_params;

/* How many products there are, and where the operand with these strides begins in one of them. */
static inline int32_t lissom_matmul_batches(const lissom_matmul_params *p)
{
    int32_t batches = 1;
    for (int32_t axis = 0; axis < p->rank; ++axis) {
        batches *= p->batch[axis];
    }
    return batches;
}

static inline int32_t lissom_matmul_offset(const lissom_matmul_params *p, int32_t batch, const int32_t *strides)
{
    int32_t offset = 0;
    for (int32_t axis = p->rank - 1; axis >= 0; --axis) {
        offset += batch % p->batch[axis] * strides[axis];
        batch /= p->batch[axis];
    }
    return offset;
}

void lissom_matmul_f32(const lissom_matmul_params *p, const float *a, const float *b, const float *c, float *y,
                       void *scratch);
void lissom_matmul_q8(const lissom_matmul_q8_params *p, const uint8_t *a, const uint8_t *b, const int32_t *b_zero,
                      const float *multiplier, const int32_t *c, uint8_t *y, void *scratch);
void lissom_matmul_q8_rows(const lissom_matmul_q8_params *p, const uint8_t *a, const uint8_t *b, const int32_t *b_zero,
                           const float *multiplier, const int32_t *c, uint8_t *y, void *scratch);
/* Any sum of products of two operands over strided axes, as an Einsum spells it. */
void lissom_contract_f32(const lissom_contract_params *p, const float *a, const float *b, float *y);

#endif
