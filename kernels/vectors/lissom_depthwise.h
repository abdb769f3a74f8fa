/* Depthwise convolution, channels last: every channel by itself, LISSOM_BLOCK bytes of channels at once, LISSOM_COLUMNS
 * columns of an output row in registers. What bytes and floats do differently is defined before this is included:
 *
 *     walk_params  WALK_ELEMENT  LISSOM_BLOCK  the parameter struct, bytes of an element, of channels at once
 *     WALK_CONV(q)  WALK_PAD(q)                the lissom_conv_params, and the byte a border is filled with
 *     WALK_PANEL                               bytes of weights for a block
 *     walk_context  walk_begin                 what is the same for all tiles, and how it is made
 *     walk_tile                                from pixels to results
 *
 * Pixels are read through a table of pointers to all that an output row sees, column by column, so a pixel outside the
 * image is one more address, that of a pixel of zero points, and borders cost nothing. From row to row the pointers move
 * on by the same distance; where rows leave the image the table is made anew.
 *
 * A block may be wider than the channels that are left, and then reads into the next pixel, which is harmless: those lanes
 * are not stored. Pixels so near the end of x that this would leave it are read from a copy.
 *
 * LISSOM_HEIGHT, LISSOM_WIDTH, LISSOM_STRIDE and LISSOM_DILATION are the kernel and its steps along a row. */
#ifndef LISSOM_DEPTHWISE_H
#define LISSOM_DEPTHWISE_H

#include "lissom_conv.h"

/* Input columns from the first to the last that a tile sees. */
#define WALK_SPAN ((LISSOM_COLUMNS - 1) * LISSOM_STRIDE + (LISSOM_WIDTH - 1) * LISSOM_DILATION + 1)

/* The same of a whole output row. */
#define WALK_SEEN(p) (((p)->out[2] - 1) * LISSOM_STRIDE + (LISSOM_WIDTH - 1) * LISSOM_DILATION + 1)

/* Of input column j in a tile, the tap that it is under at output column t; others are not under the kernel. */
#define WALK_TAP(j, t) (((j) - (t) * LISSOM_STRIDE) / LISSOM_DILATION)
#define WALK_MEETS(j, t) \
    ((j) >= (t) * LISSOM_STRIDE && ((j) - (t) * LISSOM_STRIDE) % LISSOM_DILATION == 0 && WALK_TAP(j, t) < LISSOM_WIDTH)

/* Where all taps of a single column go over a large kernel, a loop is short enough; a tile needs to know its columns. */
#if LISSOM_COLUMNS > 1 || LISSOM_HEIGHT * LISSOM_WIDTH <= 25
#define WALK_UNROLL LISSOM_UNROLL
#else
#define WALK_UNROLL
#endif
#define WALK_STEP (LISSOM_COLUMNS > 1 ? 1 : LISSOM_DILATION)

typedef struct {
    const uint8_t *x;
    const uint8_t *outside; /* a pixel of the border */
    const uint8_t *tail;    /* a copy of the bytes of x from `copied` on */
    int32_t copied;
    int32_t last; /* the last byte from which a pixel can be read where it is */
} walk_image;

static inline walk_context walk_begin(const walk_params *q, int32_t adds);
static inline void walk_tile(const walk_context *context, const uint8_t *const *at, int32_t offset, const uint8_t *panel,
                             const uint8_t *skip, int32_t skip_step, uint8_t *y, int32_t y_step, int32_t bytes);

/* Fill the table for the output row whose first input row is h; `seen` is how many columns it sees. */
LISSOM_NOINLINE static void walk_look(const lissom_conv_params *p, const walk_image *image, int32_t h, int32_t seen,
                                      const uint8_t **at)
{
    const int32_t pixel = p->x_pixel * WALK_ELEMENT;
    for (int32_t r = 0; r < LISSOM_HEIGHT; ++r) {
        const int32_t row = h + r * p->dilation[1];
        const int32_t row_inside = row >= 0 && row < p->in[1];
        for (int32_t j = 0; j < seen; ++j) {
            const int32_t column = j - p->pad[2];
            const uint8_t *from = image->outside;
            if (row_inside && column >= 0 && column < p->in[2]) {
                const int32_t to = (row * p->in[2] + column) * pixel;
                from = to <= image->last ? image->x + to : image->tail + (to - image->copied);
            }
            at[j * LISSOM_HEIGHT + r] = from;
        }
    }
}

/* One image. */
static inline void walk_rows(const lissom_conv_params *p, const walk_context *context, const walk_image *image,
                             const uint8_t **at, const uint8_t *w, const uint8_t *skip, uint8_t *y)
{
    const int32_t channels = p->groups * WALK_ELEMENT;
    const int32_t pixel = p->x_pixel * WALK_ELEMENT;
    const int32_t y_pixel = p->y_pixel * WALK_ELEMENT;
    const int32_t skip_pixel = p->skip_pixel * WALK_ELEMENT;
    const int32_t seen = WALK_SEEN(p);
    const int32_t right = lissom_smaller(seen, p->pad[2] + p->in[2]); /* columns behind this are outside */
    int32_t was_inside = 0;
    for (int32_t row = 0; row < p->out[1]; ++row) {
        const int32_t h = row * p->stride[1] - p->pad[1];
        const int32_t bottom = h + (LISSOM_HEIGHT - 1) * p->dilation[1];
        const int32_t inside = h >= 0 && bottom < p->in[1] && ((bottom + 1) * p->in[2] - 1) * pixel <= image->last;
        if (inside && was_inside) {
            for (int32_t i = p->pad[2] * LISSOM_HEIGHT; i < right * LISSOM_HEIGHT; ++i) {
                at[i] += p->stride[1] * p->in[2] * pixel;
            }
        } else {
            walk_look(p, image, h, seen, at);
        }
        was_inside = inside;
        for (int32_t first = 0; first < p->out[2]; first += LISSOM_COLUMNS) {
            /* The last tile may overlap the one before: the same bytes once more. */
            const int32_t column = lissom_smaller(first, p->out[2] - LISSOM_COLUMNS);
            const int32_t position = row * p->out[2] + column;
            const uint8_t *panel = w;
            for (int32_t b = 0; b < channels; b += LISSOM_BLOCK, panel += WALK_PANEL) {
                walk_tile(context, at + column * LISSOM_STRIDE * LISSOM_HEIGHT, b, panel,
                          skip ? skip + position * skip_pixel + b : NULL, skip_pixel, y + position * y_pixel + b, y_pixel,
                          lissom_smaller(LISSOM_BLOCK, channels - b));
            }
        }
    }
}

/* Scratch memory holds the table, a pixel of the border, and a copy of the end of x. */
static inline void walk(const walk_params *q, const uint8_t *x, const uint8_t *w, const uint8_t *skip, uint8_t *y,
                        void *scratch)
{
    const lissom_conv_params *const p = WALK_CONV(q);
    const int32_t channels = p->groups * WALK_ELEMENT;
    const int32_t reach = (channels + LISSOM_BLOCK - 1) / LISSOM_BLOCK * LISSOM_BLOCK;
    const int32_t positions = p->in[1] * p->in[2];
    const int32_t x_bytes = (p->batch * positions - 1) * p->x_pixel * WALK_ELEMENT + channels;
    const int32_t copied = lissom_larger(x_bytes - reach, 0);
    const uint8_t **const at = scratch;
    uint8_t *const outside = (uint8_t *)(at + WALK_SEEN(p) * LISSOM_HEIGHT);
    uint8_t *const tail = outside + reach;
    memset(outside, WALK_PAD(q), (size_t)reach);
    memset(tail, 0, (size_t)reach * 2);
    memcpy(tail, x + copied, (size_t)(x_bytes - copied));
    const walk_context context = walk_begin(q, skip != NULL);
    for (int32_t n = 0; n < p->batch; ++n) {
        const int32_t before = n * positions * p->x_pixel * WALK_ELEMENT;
        const int32_t first = n * p->out[1] * p->out[2] * WALK_ELEMENT;
        const walk_image image = {x + before, outside, tail, copied - before, x_bytes - reach - before};
        walk_rows(p, &context, &image, at, w, skip ? skip + first * p->skip_pixel : NULL, y + first * p->y_pixel);
    }
}

#endif
