/* Convolution, channels last, by tiles of an output row: where each tile begins, and x with its border. What the tiles do
 * is defined before or after this is included:
 *
 *     tile_params  TILE_ELEMENT ...           what lissom_border.h wants
 *     CHANNELS  TILE_HEAD  TILE_RUN(length)   channels of a panel; bytes of one before its weights, and of a run
 *     TILE_COPIES(length)                     whether tiles read a copy of x though it has no border
 *     tile  tiles_begin  tiles_end            one tile; what comes before the first and after the last
 *
 * LISSOM_STEP is the bytes from one column's patch to the next, or 0 for what the parameters say. */
#ifndef LISSOM_CONV_WALK_H
#define LISSOM_CONV_WALK_H

#include "lissom_border.h"

typedef struct {
    int32_t runs[3];  /* how many along depth, height and width */
    int32_t steps[3]; /* bytes from one to the next */
    int32_t length;   /* bytes of each */
} walk;

static inline void tiles_begin(void);
static inline void tiles_end(void);

/* LISSOM_ROWS output columns from the patches at x, `step` bytes apart. */
static inline void tile(const tile_params *q, const walk *walks, const uint8_t *x, int32_t step, const uint8_t *panel,
                        const uint8_t *skip, uint8_t *y, int32_t y_step, int32_t channels);

static inline void convolve(const tile_params *q, const uint8_t *x, const uint8_t *w, const uint8_t *skip, uint8_t *y,
                            uint8_t *scratch)
{
    const lissom_conv_params *const p = TILE_CONV(q);
    const int32_t y_pixel = p->y_pixel * TILE_ELEMENT; /* of skip too */
    const int32_t apart = p->dilation[2] > 1 || p->groups > 1; /* columns under the kernel are no run */
    const int32_t length = p->in_channels * (apart ? 1 : p->kernel[2]) * TILE_READ;
    int32_t size[3]; /* of x with its border */
    const int32_t has_border = border(p, size);
    const int32_t is_torn = p->x_pixel != p->in_channels * p->groups && !apart && p->kernel[2] > 1; /* what would be a run */
    const int32_t is_copied = has_border || is_torn || TILE_COPIES(length);
    const int32_t pixel = (is_copied ? p->in_channels * p->groups : p->x_pixel) * TILE_READ;
    const walk walks = {
        {p->kernel[0], p->kernel[1], apart ? p->kernel[2] : 1},
        {p->dilation[0] * size[1] * size[2] * pixel, p->dilation[1] * size[2] * pixel, p->dilation[2] * pixel},
        length,
    };
    const int32_t step = LISSOM_STEP ? LISSOM_STEP : p->stride[2] * pixel;
    const int32_t taps = p->kernel[0] * p->kernel[1] * walks.runs[2];
    const int32_t panel_bytes = CHANNELS * (TILE_HEAD + taps * TILE_RUN(length));
    tiles_begin();
    for (int32_t n = 0; n < p->batch; ++n) {
        const uint8_t *const image = x + n * p->in[0] * p->in[1] * p->in[2] * p->x_pixel * TILE_ELEMENT;
        const uint8_t *const from = is_copied ? padded(q, image, scratch, size) : image;
        const uint8_t *panel = w;
        for (int32_t g = 0; g < p->groups; ++g) {
            for (int32_t o = 0; o < p->out_channels; o += CHANNELS, panel += panel_bytes) {
                const int32_t channels = lissom_smaller(CHANNELS, p->out_channels - o);
                for (int32_t row = 0; row < p->out[0] * p->out[1]; ++row) {
                    const int32_t d = row / p->out[1] * p->stride[0];
                    const int32_t h = row % p->out[1] * p->stride[1];
                    const uint8_t *const start = from + ((d * size[1] + h) * size[2]) * pixel +
                                                 g * p->in_channels * TILE_READ;
                    const int32_t first = (n * p->out[0] * p->out[1] + row) * p->out[2];
                    for (int32_t c = 0; c < p->out[2]; c += LISSOM_ROWS) {
                        /* The last tile may overlap the one before: the same bytes once more. */
                        const int32_t column = lissom_smaller(c, p->out[2] - LISSOM_ROWS);
                        const int32_t to = (first + column) * y_pixel + (g * p->out_channels + o) * TILE_ELEMENT;
                        tile(q, &walks, start + column * step, step, panel, skip ? skip + to : NULL, y + to, y_pixel,
                             channels);
                    }
                }
            }
        }
    }
    tiles_end();
}

#endif
