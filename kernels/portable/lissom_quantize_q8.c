#include "lissom_quantize.h"

/* Elements of one channel. */
static inline void row(const float *restrict x, float scale, lissom_q8_output q, uint8_t *restrict y, int32_t n)
{
    for (int32_t i = 0; i < n; ++i) {
        y[i] = lissom_saturate(x[i] / scale, &q);
    }
}

void lissom_quantize_q8(const lissom_channel_params *p, const float *x, const float *scale, const lissom_q8_output *q,
                        uint8_t *y)
{
    for (int32_t i = 0; i < p->outer * p->channels; ++i, x += p->inner, y += p->inner) {
        row(x, scale[i % p->channels], q[i % p->channels], y, p->inner);
    }
}
