#include "lissom_conv.h"

/* One row of outputs for up to LISSOM_CONV_CHANNELS channels: every tap adds a multiple of a row of x, so the inner
 * loop runs along memory and vectorizes. */
static void accumulate(const lissom_conv_params *p, const float *x, const float *w, int32_t channels, int32_t od,
                       int32_t oh, int32_t begin, int32_t end, float acc[][LISSOM_CONV_COLUMNS])
{
    const int32_t taps = p->kernel[0] * p->kernel[1] * p->kernel[2];
    const int32_t stride = p->stride[2];
    for (int32_t c = 0; c < p->in_channels; ++c) {
        for (int32_t kd = 0; kd < p->kernel[0]; ++kd) {
            const int32_t d = od * p->stride[0] + kd * p->dilation[0] - p->pad[0];
            if (d < 0 || d >= p->in[0]) {
                continue;
            }
            for (int32_t kh = 0; kh < p->kernel[1]; ++kh) {
                const int32_t h = oh * p->stride[1] + kh * p->dilation[1] - p->pad[1];
                if (h < 0 || h >= p->in[1]) {
                    continue;
                }
                const float *const row = x + ((c * p->in[0] + d) * p->in[1] + h) * p->in[2];
                for (int32_t kw = 0; kw < p->kernel[2]; ++kw) {
                    const int32_t offset = kw * p->dilation[2] - p->pad[2];
                    const int32_t tap = (kd * p->kernel[1] + kh) * p->kernel[2] + kw;
                    int32_t first, last;
                    lissom_tap_range(p->out[2], p->in[2], stride, offset, &first, &last);
                    first = lissom_larger(first, begin);
                    last = lissom_smaller(last, end);
                    for (int32_t o = 0; o < channels; ++o) {
                        const float weight = w[(o * p->in_channels + c) * taps + tap];
                        float *const sum = acc[o];
                        if (stride == 1) {
                            for (int32_t j = first; j < last; ++j) {
                                sum[j - begin] += weight * row[j + offset];
                            }
                        } else {
                            for (int32_t j = first; j < last; ++j) {
                                sum[j - begin] += weight * row[j * stride + offset];
                            }
                        }
                    }
                }
            }
        }
    }
}

void lissom_conv_f32(const lissom_conv_params *p, const float *x, const float *w, const float *b, const float *skip,
                     float *y, void *scratch)
{
    (void)scratch; /* for variants that rearrange an operand */
    const int32_t x_group = p->in_channels * p->in[0] * p->in[1] * p->in[2];
    const int32_t y_plane = p->out[0] * p->out[1] * p->out[2];
    const int32_t w_channel = p->in_channels * p->kernel[0] * p->kernel[1] * p->kernel[2];
    for (int32_t ng = 0; ng < p->batch * p->groups; ++ng) {
        const int32_t first_channel = ng % p->groups * p->out_channels;
        for (int32_t o = 0; o < p->out_channels; o += LISSOM_CONV_CHANNELS) {
            const int32_t channels = lissom_smaller(LISSOM_CONV_CHANNELS, p->out_channels - o);
            const float *const wo = w + (first_channel + o) * w_channel;
            for (int32_t row = 0; row < p->out[0] * p->out[1]; ++row) {
                for (int32_t begin = 0; begin < p->out[2]; begin += LISSOM_CONV_COLUMNS) {
                    const int32_t end = lissom_smaller(p->out[2], begin + LISSOM_CONV_COLUMNS);
                    float acc[LISSOM_CONV_CHANNELS][LISSOM_CONV_COLUMNS];
                    for (int32_t i = 0; i < channels; ++i) {
                        for (int32_t j = 0; j < end - begin; ++j) {
                            acc[i][j] = b ? b[first_channel + o + i] : 0.0f;
                        }
                    }
                    accumulate(p, x + ng * x_group, wo, channels, row / p->out[1], row % p->out[1], begin, end, acc);
                    for (int32_t i = 0; i < channels; ++i) {
                        const int32_t to = (ng * p->out_channels + o + i) * y_plane + row * p->out[2] + begin;
                        for (int32_t j = 0; j < end - begin; ++j) {
                            const float sum = acc[i][j] + (skip ? skip[to + j] : 0.0f);
                            const float v = sum < p->low ? p->low : sum;
                            y[to + j] = v > p->high ? p->high : v;
                        }
                    }
                }
            }
        }
    }
}
