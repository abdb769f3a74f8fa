#include "lissom_conv.h"

/* One row of exact sums for up to LISSOM_CONV_CHANNELS channels, as in lissom_conv_f32. A tap outside the input stands
 * for real zero, which is the zero point, so leaving it out is exact. */
static void accumulate(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                       int32_t channels, int32_t od, int32_t oh, int32_t begin, int32_t end,
                       int32_t acc[][LISSOM_CONV_COLUMNS])
{
    const lissom_conv_params *const p = &q->conv;
    const int32_t taps = p->kernel[0] * p->kernel[1] * p->kernel[2];
    const int32_t stride = p->stride[2];
    const int32_t flip = q->x.flip;
    const int32_t zero = q->x.zero;
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
                const uint8_t *const row = x + ((c * p->in[0] + d) * p->in[1] + h) * p->in[2];
                for (int32_t kw = 0; kw < p->kernel[2]; ++kw) {
                    const int32_t offset = kw * p->dilation[2] - p->pad[2];
                    const int32_t tap = (kd * p->kernel[1] + kh) * p->kernel[2] + kw;
                    int32_t first, last;
                    lissom_tap_range(p->out[2], p->in[2], stride, offset, &first, &last);
                    first = lissom_larger(first, begin);
                    last = lissom_smaller(last, end);
                    for (int32_t o = 0; o < channels; ++o) {
                        const uint8_t byte = w[(o * p->in_channels + c) * taps + tap];
                        const int32_t weight = lissom_centred(byte, q->w_flip, w_zero[o * q->w_zero_stride]);
                        int32_t *const sum = acc[o];
                        if (stride == 1) {
                            for (int32_t j = first; j < last; ++j) {
                                sum[j - begin] += weight * lissom_centred(row[j + offset], flip, zero);
                            }
                        } else {
                            for (int32_t j = first; j < last; ++j) {
                                sum[j - begin] += weight * lissom_centred(row[j * stride + offset], flip, zero);
                            }
                        }
                    }
                }
            }
        }
    }
}

void lissom_conv_q8(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                    const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    (void)scratch; /* for variants that rearrange an operand */
    const lissom_conv_params *const p = &q->conv;
    const int32_t x_group = p->in_channels * p->in[0] * p->in[1] * p->in[2];
    const int32_t y_plane = p->out[0] * p->out[1] * p->out[2];
    const int32_t w_channel = p->in_channels * p->kernel[0] * p->kernel[1] * p->kernel[2];
    for (int32_t ng = 0; ng < p->batch * p->groups; ++ng) {
        const int32_t first_channel = ng % p->groups * p->out_channels;
        for (int32_t o = 0; o < p->out_channels; o += LISSOM_CONV_CHANNELS) {
            const int32_t channels = lissom_smaller(LISSOM_CONV_CHANNELS, p->out_channels - o);
            const int32_t channel = first_channel + o;
            for (int32_t row = 0; row < p->out[0] * p->out[1]; ++row) {
                for (int32_t begin = 0; begin < p->out[2]; begin += LISSOM_CONV_COLUMNS) {
                    const int32_t end = lissom_smaller(p->out[2], begin + LISSOM_CONV_COLUMNS);
                    int32_t acc[LISSOM_CONV_CHANNELS][LISSOM_CONV_COLUMNS];
                    for (int32_t i = 0; i < channels; ++i) {
                        for (int32_t j = 0; j < end - begin; ++j) {
                            acc[i][j] = b ? b[channel + i] : 0;
                        }
                    }
                    accumulate(q, x + ng * x_group, w + channel * w_channel, w_zero + channel * q->w_zero_stride,
                               channels, row / p->out[1], row % p->out[1], begin, end, acc);
                    for (int32_t i = 0; i < channels; ++i) {
                        const float scale = multiplier[(channel + i) * q->multiplier_stride];
                        const int32_t to = (ng * p->out_channels + o + i) * y_plane + row * p->out[2] + begin;
                        for (int32_t j = 0; j < end - begin; ++j) {
                            y[to + j] = lissom_requantize_add(acc[i][j], scale, &q->y, skip ? skip + to + j : NULL, &q->skip);
                        }
                    }
                }
            }
        }
    }
}
