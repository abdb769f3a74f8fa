#include "lissom_quantize.h"

/* Elements of one channel. */
static inline void row(const int8_t *restrict x, float scale, int8_t zero, float *restrict y, int32_t n)
{
    for (int32_t i = 0; i < n; ++i) {
        y[i] = (float)((int32_t)x[i] - (int32_t)zero) * scale;
    }
}

void lissom_dequantize_i8(const lissom_channel_params *p, const int8_t *x, const float *scale, const int8_t *zero,
                          float *y)
{
    for (int32_t i = 0; i < p->outer * p->channels; ++i, x += p->inner, y += p->inner) {
        row(x, scale[i % p->channels], zero[i % p->channels], y, p->inner);
    }
}
