/* Convolution, channels last, with weights of which few are not zero. As many pixels as fit in cache at once are laid out so
 * that an entry of the weights, in every lane, meets vectors of pixels; a channel's sums over its entries stay in registers.
 * What bytes and floats do differently is defined before this is included:
 *
 *     sparse_params  SPARSE_ELEMENT  the parameter struct, bytes of an element
 *     SPARSE_CONV(q)                 the lissom_conv_params
 *     SPARSE_RUNS(channels)          rows of patches that a tap has
 *     ROW  BYTES                     bytes of a row of patches, and of a vector
 *     sparse_border                  fills a pixel of the border
 *     interleave                     pixels to rows of patches
 *     outputs                        from patches to results
 *
 * LISSOM_VECTORS, of pixels, are at most taken at once, or one less, so that all turns are much alike. */
#ifndef LISSOM_SPARSE_CONV_H
#define LISSOM_SPARSE_CONV_H

/* For one tap, where the channels of each pixel begin; the border stands for the zero point. Goes by runs of pixels of one
 * output row. */
static inline void find(const lissom_conv_params *p, const uint8_t *x, const uint8_t *border, int32_t tap, int32_t first,
                        int32_t pixels, const uint8_t **from)
{
    const int32_t kw = tap % p->kernel[2] * p->dilation[2] - p->pad[2];
    const int32_t kh = tap / p->kernel[2] % p->kernel[1] * p->dilation[1] - p->pad[1];
    const int32_t kd = tap / (p->kernel[2] * p->kernel[1]) * p->dilation[0] - p->pad[0];
    const int32_t step = p->stride[2] * p->x_pixel;
    int32_t begin, end;
    lissom_tap_range(p->out[2], p->in[2], p->stride[2], kw, &begin, &end);
    for (int32_t i = 0; i < pixels;) {
        const int32_t column = (first + i) % p->out[2];
        const int32_t row = (first + i) / p->out[2];
        const int32_t h = row % p->out[1] * p->stride[1] + kh;
        const int32_t d = row / p->out[1] % p->out[0] * p->stride[0] + kd;
        const int32_t n = row / (p->out[1] * p->out[0]);
        const int32_t last = lissom_smaller(p->out[2], column + pixels - i);
        const int is_inside = d >= 0 && d < p->in[0] && h >= 0 && h < p->in[1];
        const int32_t line = (((n * p->in[0] + d) * p->in[1] + h) * p->in[2] + kw) * p->x_pixel;
        for (int32_t c = column; c < last; ++c, ++i) {
            from[i] = is_inside && c >= begin && c < end ? x + (line + c * step) * SPARSE_ELEMENT : border;
        }
    }
}

LISSOM_NOINLINE static void turn(const sparse_params *q, const uint8_t *patches, const uint8_t *w, uint8_t *y,
                                 uint8_t *tile, int32_t pixels)
{
    if (pixels > (LISSOM_VECTORS - 1) * LISSOM_LANES) {
        outputs(q, patches, w, y, tile, pixels, LISSOM_VECTORS);
    } else {
        outputs(q, patches, w, y, tile, pixels, LISSOM_VECTORS > 1 ? LISSOM_VECTORS - 1 : 1);
    }
}

static inline void convolve(const sparse_params *q, const uint8_t *x, const uint8_t *w, uint8_t *y, void *scratch)
{
    const lissom_conv_params *const p = SPARSE_CONV(q);
    const int32_t taps = p->kernel[0] * p->kernel[1] * p->kernel[2];
    const int32_t runs = SPARSE_RUNS(p->in_channels);
    const int32_t all = p->batch * p->out[0] * p->out[1] * p->out[2];
    uint8_t *const patches = scratch;
    uint8_t *const tile = patches + (size_t)(taps * runs) * ROW;
    uint8_t *const border = tile + LISSOM_LANES * LISSOM_VECTORS * BYTES;
    sparse_border(q, border);
    const int32_t vectors = (all + LISSOM_LANES - 1) / LISSOM_LANES;
    const int32_t turns = (vectors + LISSOM_VECTORS - 1) / LISSOM_VECTORS;
    const int32_t longer = vectors - turns * (vectors / turns); /* turns of one vector more than the others */
    int32_t first = 0;
    for (int32_t i = 0; i < turns; ++i) {
        const int32_t lanes = (vectors / turns + (i < longer)) * LISSOM_LANES;
        const int32_t pixels = lissom_smaller(lanes, all - first);
        const uint8_t *from[LISSOM_VECTORS * LISSOM_LANES];
        for (int32_t tap = 0; tap < taps; ++tap) {
            find(p, x, border, tap, first, pixels, from);
            interleave(from, p->in_channels, pixels, patches + (size_t)(tap * runs) * ROW);
        }
        turn(q, patches, w, y + first * p->y_pixel * SPARSE_ELEMENT, tile, pixels);
        first += pixels;
    }
}

#endif
