#include "lissom_conv.h"
#include "lissom_dot.h"

/* The centred values under the kernel at one output position, in the order of a channel's weights; 0 outside. */
static void gather(const lissom_conv_q8_params *q, const uint8_t *x, int32_t position, int16_t *to)
{
    const lissom_conv_params *const p = &q->conv;
    const int32_t d0 = position / (p->out[1] * p->out[2]) * p->stride[0] - p->pad[0];
    const int32_t h0 = position / p->out[2] % p->out[1] * p->stride[1] - p->pad[1];
    const int32_t w0 = position % p->out[2] * p->stride[2] - p->pad[2];
    const int32_t step = p->dilation[2];
    const int inside = w0 >= 0 && w0 + (p->kernel[2] - 1) * step < p->in[2];
    for (int32_t c = 0; c < p->in_channels; ++c) {
        for (int32_t kd = 0; kd < p->kernel[0]; ++kd) {
            const int32_t d = d0 + kd * p->dilation[0];
            for (int32_t kh = 0; kh < p->kernel[1]; ++kh, to += p->kernel[2]) {
                const int32_t h = h0 + kh * p->dilation[1];
                const int row_inside = d >= 0 && d < p->in[0] && h >= 0 && h < p->in[1];
                const int32_t row = ((c * p->in[0] + d) * p->in[1] + h) * p->in[2] + w0;
                for (int32_t kw = 0; kw < p->kernel[2]; ++kw) {
                    const int32_t w = w0 + kw * step;
                    to[kw] = row_inside && (inside || (w >= 0 && w < p->in[2]))
                                 ? (int16_t)lissom_centred(x[row + kw * step], q->x.flip, q->x.zero)
                                 : 0;
                }
            }
        }
    }
}

/* Four patches at a time meet every output channel: scratch holds them, 4 * taps int16. w is int8, zero point 0. */
void lissom_conv_q8_patches(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                            const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    const lissom_conv_params *const p = &q->conv;
    int16_t *const patches = scratch;
    const int32_t x_group = p->in_channels * p->in[0] * p->in[1] * p->in[2];
    const int32_t plane = p->out[0] * p->out[1] * p->out[2];
    const int32_t taps = p->in_channels * p->kernel[0] * p->kernel[1] * p->kernel[2];
    (void)w_zero;
    for (int32_t ng = 0; ng < p->batch * p->groups; ++ng) {
        const int32_t first_channel = ng % p->groups * p->out_channels;
        for (int32_t at = 0; at < plane; at += LISSOM_DOT_ROWS) {
            const int32_t rows = lissom_smaller(LISSOM_DOT_ROWS, plane - at);
            for (int32_t i = 0; i < LISSOM_DOT_ROWS; ++i) { /* past the end the last one again, which is not used */
                gather(q, x + ng * x_group, lissom_smaller(at + i, plane - 1), patches + i * taps);
            }
            for (int32_t o = 0; o < p->out_channels; ++o) {
                const int32_t channel = first_channel + o;
                const float scale = multiplier[channel * q->multiplier_stride];
                const int32_t bias = b ? b[channel] : 0;
                const int32_t to = (ng * p->out_channels + o) * plane + at;
                int32_t sums[LISSOM_DOT_ROWS];
                lissom_dot_4(patches, (const int8_t *)w + channel * taps, taps, sums);
                for (int32_t i = 0; i < rows; ++i) {
                    y[to + i] = lissom_requantize_add(sums[i] + bias, scale, &q->y, skip ? skip + to + i : NULL, &q->skip);
                }
            }
        }
    }
}
