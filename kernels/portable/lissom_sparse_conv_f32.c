#include "lissom_sparse.h"

void lissom_sparse_conv_f32(const lissom_sparse_f32_params *q, const float *x, const uint8_t *w, float *y, void *scratch)
{
    (void)scratch; /* for variants that rearrange x */
    const lissom_conv_params *const p = &q->conv;
    const int32_t image = p->in_channels * p->in[0] * p->in[1] * p->in[2];
    const int32_t rows = p->out[0] * p->out[1];
    const uint8_t *const indices = w + p->out_channels * LISSOM_SPARSE_F32_HEAD;
    const uint8_t *const weights = indices + 2 * q->nonzeros;
    for (int32_t n = 0; n < p->batch; ++n) {
        for (int32_t o = 0; o < p->out_channels; ++o) {
            for (int32_t row = 0; row < rows; ++row) {
                float *const to = y + ((n * p->out_channels + o) * rows + row) * p->out[2];
                for (int32_t j = 0; j < p->out[2]; ++j) {
                    to[j] = lissom_sparse_f32_bias(w, o);
                }
                for (int32_t e = o ? lissom_sparse_f32_last(w, o - 1) : 0; e < lissom_sparse_f32_last(w, o); ++e) {
                    int32_t first, last;
                    const int32_t at = lissom_sparse_meets(p, lissom_sparse_index(indices, e), row / p->out[1],
                                                           row % p->out[1], 0, p->out[2], &first, &last);
                    float weight;
                    memcpy(&weight, weights + 4 * e, 4);
                    for (int32_t j = first; j < last; ++j) {
                        to[j] += weight * x[n * image + at + j * p->stride[2]];
                    }
                }
                for (int32_t j = 0; j < p->out[2]; ++j) {
                    const float above = to[j] > p->low ? to[j] : p->low;
                    to[j] = above < p->high ? above : p->high;
                }
            }
        }
    }
}
