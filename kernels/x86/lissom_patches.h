/* A convolution as one of 1x1: what the kernel sees at each output, a patch, is laid out in scratch memory, so the rows of a
 * tile may be of any output row, and the tile takes its weights from the second cache for more of them.
 *
 * LISSOM_LENGTH bytes of a patch, in whole groups of four, LISSOM_STEP from one to the next, LISSOM_PATCHES of them at once. */
#ifndef LISSOM_PATCHES_HEADER
#define LISSOM_PATCHES_HEADER

/* What the kernel sees at output `number`, with zero points outside x and zeros behind it. */
static inline void patch(const lissom_conv_params *p, const uint8_t *x, int32_t zero, int32_t number, uint8_t *to)
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
    uint8_t *const end = to + LISSOM_LENGTH;
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
    memset(to, 0, (size_t)(end - to));
}

static inline void convolve_patches(const tile_params *q, const uint8_t *x, const uint8_t *w, const uint8_t *skip, uint8_t *y,
                                    uint8_t *scratch)
{
    const lissom_conv_params *const p = &q->conv;
    const int32_t all = p->batch * p->out[0] * p->out[1] * p->out[2];
    tile_params pointwise = *q;
    pointwise.conv = (lissom_conv_params){
        .batch = 1, .groups = 1, .in_channels = LISSOM_LENGTH, .out_channels = p->out_channels,
        .in = {1, 1, LISSOM_PATCHES}, .out = {1, 1, LISSOM_PATCHES}, .kernel = {1, 1, 1}, .stride = {1, 1, 1},
        .dilation = {1, 1, 1}, .x_pixel = LISSOM_STEP, .y_pixel = p->y_pixel, .skip_pixel = p->skip_pixel,
    };
    for (int32_t o = 0; o < all; o += LISSOM_PATCHES) {
        /* The last block may overlap the one before: the same bytes once more. */
        const int32_t first = lissom_smaller(o, all - LISSOM_PATCHES);
        const int32_t to = first * p->y_pixel; /* of skip too */
        for (int32_t i = 0; i < LISSOM_PATCHES; ++i) {
            patch(p, x, q->x.zero, first + i, scratch + i * LISSOM_STEP);
        }
        convolve(&pointwise, scratch, w, skip ? skip + to : NULL, y + to, scratch);
    }
}

#endif
