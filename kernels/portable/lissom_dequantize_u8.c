#include "lissom_quantize.h"

void lissom_dequantize_u8(const lissom_channel_params *p, const uint8_t *x, const float *scale, const uint8_t *zero,
                          float *y)
{
    for (int32_t row = 0; row < p->outer * p->channels; ++row) {
        const float s = scale[row % p->channels];
        const uint8_t z = zero[row % p->channels];
        for (int32_t i = 0; i < p->inner; ++i) {
            *y++ = (float)((int32_t)*x++ - (int32_t)z) * s;
        }
    }
}
