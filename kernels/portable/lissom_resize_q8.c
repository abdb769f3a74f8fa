#include "lissom_spatial_q8.h"

/* Sums that are exact until all taps are in. */
#define BLOCK 64

/* One tap of n neighbours. */
static void take(int32_t *sums, const uint8_t *x, int32_t weight, lissom_q8_input of, int32_t n)
{
    for (int32_t i = 0; i < n; ++i) {
        sums[i] += weight * lissom_centred(x[i], of.flip, of.zero);
    }
}

void lissom_resize_q8(const lissom_resize_q8_params *p, const uint8_t *x, const int32_t *index, const int32_t *weight,
                      uint8_t *y)
{
    const int32_t from_1 = p->out[0] * p->taps[0];
    const int32_t from_2 = from_1 + p->out[1] * p->taps[1];
    const int32_t positions = p->out[0] * p->out[1] * p->out[2];
    for (int32_t o = 0; o < p->outer; ++o, x += p->in[0] * p->in[1] * p->in[2] * p->inner) {
        for (int32_t position = 0; position < positions; ++position) {
            const int32_t first_0 = position / (p->out[1] * p->out[2]) * p->taps[0];
            const int32_t first_1 = from_1 + position / p->out[2] % p->out[1] * p->taps[1];
            const int32_t first_2 = from_2 + position % p->out[2] * p->taps[2];
            for (int32_t block = 0; block < p->inner; block += BLOCK) {
                const int32_t n = lissom_smaller(BLOCK, p->inner - block);
                int32_t sums[BLOCK] = {0};
                for (int32_t t0 = first_0; t0 < first_0 + p->taps[0]; ++t0) {
                    for (int32_t t1 = first_1; t1 < first_1 + p->taps[1]; ++t1) {
                        const int32_t row = (index[t0] * p->in[1] + index[t1]) * p->in[2];
                        for (int32_t t2 = first_2; t2 < first_2 + p->taps[2]; ++t2) {
                            const int32_t of_tap = weight[t0] * weight[t1] * weight[t2];
                            if (of_tap != 0) {
                                take(sums, x + (row + index[t2]) * p->inner + block, of_tap, p->x, n);
                            }
                        }
                    }
                }
                for (int32_t i = 0; i < n; ++i) {
                    *y++ = lissom_requantize(sums[i], p->multiplier, &p->y);
                }
            }
        }
    }
}
