#include "lissom_spatial_q8.h"

/* One piece of a row of exact sums: along the row, every tap scatters a row of x. */
static void accumulate(const lissom_conv_transpose_q8_params *q, const uint8_t *x, const int8_t *w, int32_t row,
                       int32_t begin, int32_t end, int32_t *acc)
{
    const lissom_conv_params *const p = &q->conv;
    const int32_t taps = p->kernel[0] * p->kernel[1] * p->kernel[2];
    for (int32_t kd = 0; kd < p->kernel[0]; ++kd) {
        const int32_t d = row / p->out[1] + p->pad[0] - kd * p->dilation[0];
        if (d < 0 || d % p->stride[0] != 0 || d / p->stride[0] >= p->in[0]) {
            continue;
        }
        for (int32_t kh = 0; kh < p->kernel[1]; ++kh) {
            const int32_t h = row % p->out[1] + p->pad[1] - kh * p->dilation[1];
            if (h < 0 || h % p->stride[1] != 0 || h / p->stride[1] >= p->in[1]) {
                continue;
            }
            for (int32_t kw = 0; kw < p->kernel[2]; ++kw) {
                const int32_t tap = (kd * p->kernel[1] + kh) * p->kernel[2] + kw;
                const int32_t offset = kw * p->dilation[2] - p->pad[2];
                for (int32_t c = 0; c < p->in_channels; ++c) {
                    const int32_t weight = w[c * p->out_channels * taps + tap];
                    const uint8_t *const from =
                        x + ((c * p->in[0] + d / p->stride[0]) * p->in[1] + h / p->stride[1]) * p->in[2];
                    for (int32_t i = 0; i < p->in[2]; ++i) {
                        const int32_t j = i * p->stride[2] + offset;
                        if (j >= begin && j < end) {
                            acc[j - begin] += weight * lissom_centred(from[i], q->x.flip, q->x.zero);
                        }
                    }
                }
            }
        }
    }
}

void lissom_conv_transpose_q8(const lissom_conv_transpose_q8_params *q, const uint8_t *x, const int8_t *w,
                              const float *multiplier, const int32_t *b, uint8_t *y)
{
    const lissom_conv_params *const p = &q->conv;
    const int32_t taps = p->kernel[0] * p->kernel[1] * p->kernel[2];
    const int32_t x_group = p->in_channels * p->in[0] * p->in[1] * p->in[2];
    const int32_t rows = p->out[0] * p->out[1];
    for (int32_t ngo = 0; ngo < p->batch * p->groups * p->out_channels; ++ngo) {
        const int32_t ng = ngo / p->out_channels;
        const int32_t g = ng % p->groups;
        const int32_t o = ngo % p->out_channels;
        const int32_t channel = g * p->out_channels + o;
        const int8_t *const kernel = w + (g * p->in_channels * p->out_channels + o) * taps;
        for (int32_t row = 0; row < rows; ++row) {
            for (int32_t begin = 0; begin < p->out[2]; begin += LISSOM_CONV_COLUMNS) {
                const int32_t end = lissom_smaller(p->out[2], begin + LISSOM_CONV_COLUMNS);
                int32_t acc[LISSOM_CONV_COLUMNS];
                for (int32_t j = 0; j < end - begin; ++j) {
                    acc[j] = b ? b[channel] : 0;
                }
                accumulate(q, x + ng * x_group, kernel, row, begin, end, acc);
                for (int32_t j = 0; j < end - begin; ++j) {
                    *y++ = lissom_requantize(acc[j], multiplier[channel * q->multiplier_stride], &q->y);
                }
            }
        }
    }
}
