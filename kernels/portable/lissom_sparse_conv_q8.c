#include "lissom_sparse.h"

/* One row of exact sums of a channel: each weight that is not zero times the columns it meets. A tap outside the input
 * stands for the zero point, so leaving it out is exact. */
static void accumulate(const lissom_sparse_q8_params *q, const uint8_t *x, const uint8_t *indices, const uint8_t *weights,
                       int32_t entries, int32_t od, int32_t oh, int32_t begin, int32_t end, int32_t *sum)
{
    const int32_t stride = q->conv.stride[2];
    for (int32_t e = 0; e < entries; ++e) {
        int32_t first, last;
        const int32_t index = lissom_sparse_index(indices, e);
        const int32_t at = lissom_sparse_meets(&q->conv, index, od, oh, begin, end, &first, &last);
        const int32_t weight = lissom_centred(weights[e], 0x80, 0x80);
        for (int32_t j = first; j < last; ++j) {
            sum[j - begin] += weight * lissom_centred(x[at + j * stride], q->x.flip, q->x.zero);
        }
    }
}

/* The sum of a channel of the one position there is. */
static int32_t total(const lissom_sparse_q8_params *q, const uint8_t *x, const uint8_t *indices, const uint8_t *weights,
                     int32_t entries, int32_t sum)
{
    for (int32_t e = 0; e < entries; ++e) {
        const int32_t value = lissom_centred(x[lissom_sparse_index(indices, e)], q->x.flip, q->x.zero);
        sum += lissom_centred(weights[e], 0x80, 0x80) * value;
    }
    return sum;
}

void lissom_sparse_conv_q8(const lissom_sparse_q8_params *q, const uint8_t *x, const uint8_t *w, uint8_t *y, void *scratch)
{
    (void)scratch; /* for variants that rearrange x */
    const lissom_conv_params *const p = &q->conv;
    const int32_t image = p->in_channels * p->in[0] * p->in[1] * p->in[2];
    const int32_t rows = p->out[0] * p->out[1];
    const uint8_t *const indices = w + p->out_channels * LISSOM_SPARSE_HEAD;
    const uint8_t *const weights = indices + 2 * q->nonzeros;
    for (int32_t n = 0; n < p->batch; ++n) {
        for (int32_t o = 0; o < p->out_channels; ++o) {
            const int32_t first = lissom_sparse_first(w, o);
            const int32_t entries = lissom_sparse_i32(w, o, 2) - first;
            if (image == p->in_channels && rows * p->out[2] * p->kernel[0] * p->kernel[1] * p->kernel[2] == 1) {
                const int32_t sum = total(q, x + n * image, indices + 2 * first, weights + first, entries,
                                          lissom_sparse_i32(w, o, 0));
                y[n * p->out_channels + o] = lissom_requantize(sum, lissom_sparse_multiplier(w, o), &q->y);
                continue;
            }
            for (int32_t row = 0; row < rows; ++row) {
                uint8_t *const to = y + ((n * p->out_channels + o) * rows + row) * p->out[2];
                for (int32_t begin = 0; begin < p->out[2]; begin += LISSOM_CONV_COLUMNS) {
                    const int32_t end = lissom_smaller(p->out[2], begin + LISSOM_CONV_COLUMNS);
                    int32_t sum[LISSOM_CONV_COLUMNS];
                    for (int32_t j = 0; j < end - begin; ++j) {
                        sum[j] = lissom_sparse_i32(w, o, 0);
                    }
                    accumulate(q, x + n * image, indices + 2 * first, weights + first, entries, row / p->out[1],
                               row % p->out[1], begin, end, sum);
                    for (int32_t j = begin; j < end; ++j) {
                        to[j] = lissom_requantize(sum[j - begin], lissom_sparse_multiplier(w, o), &q->y);
                    }
                }
            }
        }
    }
}
