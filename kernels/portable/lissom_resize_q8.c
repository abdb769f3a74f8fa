#include "lissom_spatial_q8.h"

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
            for (int32_t i = 0; i < p->inner; ++i) {
                int32_t sum = 0;
                for (int32_t t0 = first_0; t0 < first_0 + p->taps[0]; ++t0) {
                    for (int32_t t1 = first_1; t1 < first_1 + p->taps[1]; ++t1) {
                        const uint8_t *const row = x + (index[t0] * p->in[1] + index[t1]) * p->in[2] * p->inner + i;
                        const int32_t outer_weight = weight[t0] * weight[t1];
                        for (int32_t t2 = first_2; t2 < first_2 + p->taps[2]; ++t2) {
                            const int32_t v = lissom_centred(row[index[t2] * p->inner], p->x.flip, p->x.zero);
                            sum += outer_weight * weight[t2] * v;
                        }
                    }
                }
                *y++ = lissom_requantize(sum, p->multiplier, &p->y);
            }
        }
    }
}
