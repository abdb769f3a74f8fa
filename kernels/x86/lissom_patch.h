/* The bytes of x that a convolution sees at an output, one behind the other. */
#ifndef LISSOM_PATCH_H
#define LISSOM_PATCH_H

#include "lissom_conv.h"

/* What the kernel sees at output `number`, with zero points outside x; where it ends. */
static inline uint8_t *patch(const lissom_conv_params *p, const uint8_t *x, int32_t zero, int32_t number, uint8_t *to)
{
    const int32_t row = number / p->out[2];
    const int32_t first_w = number % p->out[2] * p->stride[2] - p->pad[2];
    const int32_t first_h = row % p->out[1] * p->stride[1] - p->pad[1];
    const int32_t first_d = row / p->out[1] % p->out[0] * p->stride[0] - p->pad[0];
    const int32_t image = row / p->out[1] / p->out[0] * p->in[0];
    const size_t channels = (size_t)p->in_channels;
    const int32_t width = p->kernel[2];
    const int32_t is_run =
        p->x_pixel == p->in_channels && p->dilation[2] == 1 && first_w >= 0 && first_w + width <= p->in[2];
    for (int32_t i = 0; i < p->kernel[0]; ++i) {
        const int32_t d = first_d + i * p->dilation[0];
        for (int32_t j = 0; j < p->kernel[1]; ++j) {
            const int32_t h = first_h + j * p->dilation[1];
            const int32_t is_inside = d >= 0 && d < p->in[0] && h >= 0 && h < p->in[1];
            const int32_t at = ((image + d) * p->in[1] + h) * p->in[2];
            if (is_inside && is_run) {
                memcpy(to, x + (at + first_w) * p->x_pixel, (size_t)width * channels);
                to += (size_t)width * channels;
                continue;
            }
            for (int32_t k = 0; k < width; ++k, to += channels) {
                const int32_t w = first_w + k * p->dilation[2];
                if (is_inside && w >= 0 && w < p->in[2]) {
                    memcpy(to, x + (at + w) * p->x_pixel, channels);
                } else {
                    memset(to, zero, channels);
                }
            }
        }
    }
    return to;
}

#endif
