/* Convolution of signed bytes, channels last: four output channels of two columns at once (lissom_pairs_m55.h).
 *
 * What lies under the kernel at one column is a patch, in the order kernel column, kernel row, channel. Where a kernel has
 * one row and no border, patches are read where they are. Else a strip is made of each output row, lissom_strip_m55.h. */
#include "lissom_conv.h"
#include "lissom_add_m55.h"
#include "lissom_pairs_m55.h"
#include "lissom_strip_m55.h"

/* Columns whose results are kept until a residual operand is added. */
#define CHUNK 16

void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    (void)w_zero;
    (void)multiplier;
    (void)b;
    const lissom_conv_params *const p = &q->conv;
    const int32_t pixel = p->in_channels * p->groups;
    const int32_t channels = p->out_channels * p->groups;
    const lissom_strip strip = lissom_strip_of(p, 1);
    uint8_t *const sums = (uint8_t *)scratch + lissom_strip_bytes(&strip);
    const lissom_addition add = lissom_add_of_residual(&q->y, &q->skip);
    const int32_t any = p->kernel[0] * p->kernel[1] * p->kernel[2] * p->in_channels;
    const int32_t length = LISSOM_WHOLE < 0 ? any : LISSOM_WHOLE * 16 + LISSOM_REST;
    const int32_t blocks = (p->out_channels + 3) / 4 * bytes_of_four(length);
    for (int32_t n = 0; n < p->batch; ++n) {
        const uint8_t *const image = x + n * p->in[0] * p->in[1] * p->in[2] * pixel;
        for (int32_t g = 0; g < p->groups; ++g) {
            for (int32_t row = 0; row < p->out[0] * p->out[1]; ++row) {
                const uint8_t *const from =
                    lissom_strip_at(p, &strip, image + g * p->in_channels, q->x.zero - q->x.flip, row, scratch);
                int32_t to = (n * p->out[0] * p->out[1] + row) * p->out[2];
                const int32_t chunk = skip ? CHUNK : p->out[2];
                for (int32_t c = 0; c < p->out[2]; c += chunk) {
                    const int32_t many = lissom_smaller(chunk, p->out[2] - c);
                    uint8_t *const at = y + (to + c) * p->y_pixel + g * p->out_channels;
                    if (skip == NULL) {
                        columns(q->y.zero, from, strip.step, length, w + g * blocks, NULL, at, p->y_pixel, many,
                                p->out_channels);
                        continue;
                    }
                    columns(q->y.zero, from + c * strip.step, strip.step, length, w + g * blocks, NULL, sums,
                            p->out_channels, many, p->out_channels);
                    for (int32_t i = 0; i < (p->groups > 1 ? many : 1); ++i) {
                        const int32_t ahead = ((to + c + i) * channels) + g * p->out_channels;
                        lissom_add_run(&add, sums + i * p->out_channels, skip + ahead, y + ahead,
                                       p->out_channels * (p->groups > 1 ? 1 : many));
                    }
                }
            }
        }
    }
}

LISSOM_LEVEL_END
