#include "lissom_quantize.h"

void lissom_dequantize_i32(const lissom_channel_params *p, const int32_t *x, const float *scale, const int32_t *zero,
                          float *y)
{
    for (int32_t row = 0; row < p->outer * p->channels; ++row) {
        const float s = scale[row % p->channels];
        const int32_t z = zero[row % p->channels];
        for (int32_t i = 0; i < p->inner; ++i) {
            *y++ = (float)((double)*x++ - (double)z) * s;
        }
    }
}
