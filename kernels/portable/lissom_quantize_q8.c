#include "lissom_quantize.h"

void lissom_quantize_q8(const lissom_channel_params *p, const float *x, const float *scale, const lissom_q8_output *q,
                        uint8_t *y)
{
    for (int32_t row = 0; row < p->outer * p->channels; ++row) {
        const int32_t c = row % p->channels;
        for (int32_t i = 0; i < p->inner; ++i) {
            *y++ = lissom_saturate(*x++ / scale[c], &q[c]);
        }
    }
}
