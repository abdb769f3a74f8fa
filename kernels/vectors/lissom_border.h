/* A copy of x with its border, for kernels that read taps at constant distances. Defined before this is included:
 *
 *     tile_params  TILE_ELEMENT               the parameter struct, bytes of an element
 *     TILE_READ  tile_widen                   bytes of an element of x in the copy, and what makes x so where these are
 *                                             more than in memory
 *     TILE_CONV(q)  TILE_PAD(q)               the lissom_conv_params, and the byte a border is filled with */
#ifndef LISSOM_BORDER_H
#define LISSOM_BORDER_H

/* The size of x with its border; whether it has one. */
static inline int32_t border(const lissom_conv_params *p, int32_t *size)
{
    int32_t found = 0;
    for (int32_t i = 0; i < 3; ++i) {
        const int32_t reach = (p->out[i] - 1) * p->stride[i] + (p->kernel[i] - 1) * p->dilation[i] + 1;
        size[i] = lissom_larger(reach, p->pad[i] + p->in[i]);
        found |= size[i] > p->in[i];
    }
    return found;
}

/* n elements of the border, and n of x: both return what is behind them. */
static inline uint8_t *fill(uint8_t *to, int32_t value, size_t n)
{
#if TILE_READ == TILE_ELEMENT
    memset(to, value, n * TILE_READ);
#else
    const uint16_t word = (uint16_t)value;
    for (size_t i = 0; i < n; ++i) {
        memcpy(to + 2 * i, &word, 2);
    }
#endif
    return to + n * TILE_READ;
}

static inline uint8_t *copy(uint8_t *to, const uint8_t *x, size_t n)
{
#if TILE_READ == TILE_ELEMENT
    memcpy(to, x, n * TILE_READ);
#else
    tile_widen(to, x, n);
#endif
    return to + n * TILE_READ;
}

/* x as tiles read it, pixel by pixel, with a border of its zero point, in scratch memory. */
static const uint8_t *padded(const tile_params *q, const uint8_t *x, uint8_t *to, const int32_t *size)
{
    const lissom_conv_params *const p = TILE_CONV(q);
    const size_t pixel = (size_t)(p->in_channels * p->groups);
    const size_t row = (size_t)size[2] * pixel;
    const size_t left = (size_t)p->pad[2] * pixel;
    const size_t inside = (size_t)p->in[2] * pixel;
    const size_t x_pixel = (size_t)p->x_pixel;
    uint8_t *at = to;
    for (int32_t d = 0; d < size[0]; ++d) {
        for (int32_t h = 0; h < size[1]; ++h) {
            const int32_t from_d = d - p->pad[0];
            const int32_t from_h = h - p->pad[1];
            if (from_d < 0 || from_d >= p->in[0] || from_h < 0 || from_h >= p->in[1]) {
                at = fill(at, TILE_PAD(q), row);
                continue;
            }
            at = fill(at, TILE_PAD(q), left);
            const uint8_t *from = x + (size_t)((from_d * p->in[1] + from_h) * p->in[2]) * x_pixel * TILE_ELEMENT;
            if (x_pixel == pixel) {
                at = copy(at, from, inside);
            } else {
                for (int32_t w = 0; w < p->in[2]; ++w, from += x_pixel * TILE_ELEMENT) {
                    at = copy(at, from, pixel);
                }
            }
            at = fill(at, TILE_PAD(q), row - left - inside);
        }
    }
    return to;
}

#endif
