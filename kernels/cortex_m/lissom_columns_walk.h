/* The walk of a convolution over columns: those of some pixels are put side by side, then `compute`, which is defined
 * before this is included, makes all output channels of these. PANEL(eights) is how many bytes of weights an output channel
 * has, where there are groups, and ABREAST how many channels are made at once. */
#ifndef LISSOM_COLUMNS_WALK_H
#define LISSOM_COLUMNS_WALK_H

#include "lissom_add_q8_words.h"

static inline void walk(const lissom_conv_params *p, int32_t zero, int32_t y_zero, const uint8_t *x, const uint8_t *w,
                        const lissom_addition *sum, const uint8_t *skip, uint8_t *y, void *scratch)
{
    const int32_t taps = columns_taps(p);
    const int32_t words = p->kernel[0] * p->kernel[1] * (p->kernel[2] / taps) * ((taps * p->in_channels + 3) / 4);
    const int32_t eights = (words + 1) / 2;
    const int32_t channels = (p->out_channels + ABREAST - 1) / ABREAST * ABREAST;
    const int32_t panel = channels * PANEL(eights);
    const int32_t positions = p->out[0] * p->out[1] * p->out[2];
    uint8_t *const columns = scratch;
    uint8_t *const tile = columns + eights * 2 * COLUMNS_STEP; /* results that are not yet where they belong */
    uint8_t *const border = tile + LISSOM_PIXELS * channels;
    const int is_direct = skip == NULL && channels == p->out_channels;
    const int32_t pixel = is_direct ? p->y_pixel : channels;
    memset(columns + (eights * 2 - 1) * COLUMNS_STEP, 0, COLUMNS_STEP); /* the last four may not be there */
    for (int32_t ng = 0; ng < p->batch * p->groups; ++ng) {
        const int32_t n = ng / p->groups;
        const int32_t g = ng % p->groups;
        const uint8_t *const image = x + n * p->in[0] * p->in[1] * p->in[2] * p->x_pixel + g * p->in_channels;
        columns_pixel pixel_at = {0, 0, 0};
        for (int32_t first = 0; first < positions; first += LISSOM_PIXELS) {
            const int32_t held = lissom_smaller(LISSOM_PIXELS, positions - first);
            const int32_t at = n * positions + first;
            columns_fill(p, image, zero, pixel_at, held, columns, border);
            for (int32_t i = 0; i < held; ++i) {
                columns_next(p, &pixel_at);
            }
            uint8_t *const to = y + at * p->y_pixel + g * p->out_channels;
            uint8_t *const begin = is_direct ? to : tile;
            const columns_outputs o = {eights,
                               {held > 1 ? pixel : 0, held > 2 ? 2 * pixel : 0, held > 3 ? 3 * pixel : 0},
                               y_zero,
                               begin + channels};
            compute(columns, w + g * panel, begin, &o);
            for (int32_t i = 0; i < held && !is_direct; ++i) {
                if (skip != NULL) {
                    lissom_add_bytes(sum, tile + i * channels, skip + (at + i) * p->skip_pixel + g * p->out_channels,
                                     to + i * p->y_pixel, p->out_channels);
                } else {
                    memcpy(to + i * p->y_pixel, tile + i * channels, (size_t)p->out_channels);
                }
            }
        }
    }
}


#endif
