/* A convolution as one of 1x1: what the kernel sees at each output, a patch, is laid out in scratch memory, so the rows of a
 * tile may be of any output row, and the tile takes its weights from the second cache for more of them.
 *
 * LISSOM_LENGTH bytes of a patch, in whole groups of four, LISSOM_STEP from one to the next, LISSOM_PATCHES of them at once. */
#ifndef LISSOM_PATCHES_HEADER
#define LISSOM_PATCHES_HEADER

#include "lissom_patch.h"

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
            uint8_t *const end = patch(p, x, q->x.zero, first + i, scratch + i * LISSOM_STEP);
            memset(end, 0, (size_t)(scratch + i * LISSOM_STEP + LISSOM_LENGTH - end));
        }
        convolve(&pointwise, scratch, w, skip ? skip + to : NULL, y + to, scratch);
    }
}

#endif
