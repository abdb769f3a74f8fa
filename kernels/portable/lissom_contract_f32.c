#include "lissom_matmul.h"

void lissom_contract_f32(const lissom_contract_params *p, const float *a, const float *b, float *y)
{
    int32_t index[LISSOM_MAX_RANK] = {0};
    int32_t ia = 0;
    int32_t ib = 0;
    int32_t outputs = 1;
    int32_t terms = 1;
    for (int32_t axis = 0; axis < p->rank; ++axis) {
        outputs *= p->size[axis];
    }
    for (int32_t axis = 0; axis < p->sum_rank; ++axis) {
        terms *= p->sum_size[axis];
    }
    for (int32_t o = 0; o < outputs; ++o) {
        int32_t inner[LISSOM_MAX_RANK] = {0};
        int32_t ja = ia;
        int32_t jb = ib;
        float sum = 0.0f;
        for (int32_t i = 0; i < terms; ++i) {
            sum += a[ja] * b[jb];
            lissom_step(p->sum_rank, p->sum_size, inner, p->sum_a, &ja, p->sum_b, &jb);
        }
        y[o] = sum;
        lissom_step(p->rank, p->size, index, p->a_stride, &ia, p->b_stride, &ib);
    }
}
