#include "lissom_quantize.h"

/* Elements of one channel. */
static inline void row(const float *restrict x, float scale, lissom_q8_output q, uint8_t *restrict y, int32_t n)
{
    for (int32_t i = 0; i < n; ++i) {
        y[i] = lissom_saturate(lissom_real_div(lissom_real_of(x[i]), lissom_real_of(scale)), &q);
    }
}

void lissom_quantize_q8(const lissom_channel_params *p, const float *x, const float *scale, const lissom_q8_output *q,
                        uint8_t *y)
{
    for (int32_t o = 0; o < p->outer; ++o) {
        for (int32_t c = 0; c < p->channels; ++c, x += p->inner) {
            uint8_t *const to = y + o * p->channels * p->inner;
            if (!p->turned) {
                row(x, scale[c], q[c], to + c * p->inner, p->inner);
                continue;
            }
            for (int32_t i = 0; i < p->inner; ++i) {
                to[i * p->channels + c] = lissom_saturate(lissom_real_div(lissom_real_of(x[i]), lissom_real_of(scale[c])), &q[c]);
            }
        }
    }
}
