/* Convolution, channels last, 3x3 with stride 1, by Winograd's F(4x4, 3x3): 36 products for 16 results instead of 144
 * (Lavin and Gray, 2015). What bytes and floats do differently is defined before this is included:
 *
 *     tile_params  TILE_ELEMENT  tile_sum     the parameter struct, bytes of an element of x and y, a vector
 *     TILE_READ                               bytes of an element of transformed patches and weights
 *     TILE_CONV(q)  TILE_PAD(q)               the lissom_conv_params, and the byte a border is filled with
 *     TILE_HEAD                               bytes a channel takes in a panel before its weights
 *     tile_start tile_load tile_group tile_dot  as for tiles (lissom_conv_tile.h)
 *     tile_x tile_w                           a vector of elements of x or of weights, as they are transformed
 *     tile_add tile_store                     of sums
 *     transform_x transform_w transform_y     six values of a patch, three weights and six sums: the matrices B, G and A
 *     tile_context tile_head                  what results need: all of them, and those of a vector, which tile_of finds
 *     tile_finish                             four results of a row from their transformed sums
 *
 * Patches of some tiles are transformed, into scratch memory that stays in the second cache; for each panel of output
 * channels then its weights, which are as they were in memory, so that little has to be read, for some input channels at
 * a time; for each of the 36 points there is a matrix product over channels by the register tiles of
 * lissom_vector_sums.h; last, results.
 *
 * w holds for each panel of LISSOM_VECTORS vectors of output channels what tile_finish needs, and for each group of input
 * channels, whose transformed weights make four bytes, and vector nine vectors: of each tap the weights of these channels,
 * lane by lane (backends/c/packing, "winograd").
 *
 * LISSOM_BLOCK is how many tiles are transformed at once, LISSOM_DEPTH how many input channels a point of one has room for,
 * LISSOM_PART of how many groups weights are transformed at once: where of all, no sums are read again. */
#ifndef LISSOM_WINOGRAD_H
#define LISSOM_WINOGRAD_H

#include "lissom_vector_sums.h"

#define POINTS 36
#define CHANNELS (LISSOM_VECTORS * LISSOM_LANES)
#define VECTOR (LISSOM_LANES * 4)
#define TAP (VECTOR / TILE_READ * TILE_ELEMENT) /* bytes of a tap of a vector of weights */
#define IS_WHOLE (LISSOM_PART * 4 >= LISSOM_DEPTH * TILE_READ)

/* Bytes from one tile to the next, and from one point: not a power of two, whose multiples would share lines of a cache. */
#define X_TILE (LISSOM_DEPTH * TILE_READ)
#define X_POINT (LISSOM_BLOCK * X_TILE + 64)
#define W_POINT (LISSOM_PART * CHANNELS * 4 + 64)
#define SUMS_POINT (LISSOM_BLOCK * CHANNELS * 4 + 64)

/* The patches of one tile, whose pixels are `pixel` bytes apart and rows `row`, into those of all points. */
static inline void patches(const uint8_t *x, int32_t row, int32_t pixel, int32_t channels, uint8_t *to)
{
    for (int32_t c = 0; c < channels; c += VECTOR / TILE_READ) {
        tile_sum half[6][6];
        for (int32_t j = 0; j < 6; ++j) {
            tile_sum d[6];
            tile_sum column[6];
            LISSOM_UNROLL
            for (int32_t i = 0; i < 6; ++i) {
                d[i] = tile_x(x + i * row + j * pixel + c * TILE_ELEMENT);
            }
            transform_x(column, d);
            LISSOM_UNROLL
            for (int32_t i = 0; i < 6; ++i) {
                half[i][j] = column[i];
            }
        }
        for (int32_t i = 0; i < 6; ++i) {
            tile_sum d[6];
            transform_x(d, half[i]);
            LISSOM_UNROLL
            for (int32_t j = 0; j < 6; ++j) {
                tile_store(to + (i * 6 + j) * X_POINT + c * TILE_READ, d[j]);
            }
        }
    }
}

/* The weights of some groups of a panel. */
LISSOM_NOINLINE static void weights(const uint8_t *w, int32_t groups, uint8_t *to)
{
    for (int32_t n = 0; n < groups * LISSOM_VECTORS; ++n, w += 9 * TAP, to += VECTOR) {
        tile_sum half[6][3];
        for (int32_t j = 0; j < 3; ++j) {
            tile_sum g[3];
            tile_sum column[6];
            LISSOM_UNROLL
            for (int32_t i = 0; i < 3; ++i) {
                g[i] = tile_w(w + (i * 3 + j) * TAP);
            }
            transform_w(column, g);
            LISSOM_UNROLL
            for (int32_t i = 0; i < 6; ++i) {
                half[i][j] = column[i];
            }
        }
        for (int32_t i = 0; i < 6; ++i) {
            tile_sum g[6];
            transform_w(g, half[i]);
            LISSOM_UNROLL
            for (int32_t j = 0; j < 6; ++j) {
                tile_store(to + (i * 6 + j) * W_POINT, g[j]);
            }
        }
    }
}

/* The sums of one point over some groups, for tiles in whole rows of a register tile; added to what is there, unless they
 * are the first. */
LISSOM_NOINLINE static void products(const uint8_t *x, const uint8_t *w, int32_t groups, int32_t tiles, int32_t is_first,
                                     uint8_t *to)
{
    for (int32_t t = 0; t < tiles; t += LISSOM_ROWS) {
        tile_sum acc[LISSOM_ROWS][LISSOM_VECTORS];
        uint8_t *const sums = to + t * CHANNELS * 4;
        sums_start(acc, NULL);
        for (int32_t k = 0; k < groups; ++k) {
            multiply(acc, x + t * X_TILE + k * 4, X_TILE, w + k * CHANNELS * 4, 0);
        }
        if (!IS_WHOLE && !is_first) {
            LISSOM_UNROLL
            for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
                LISSOM_UNROLL
                for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
                    acc[m][v] = tile_add(acc[m][v], tile_load(sums + (m * LISSOM_VECTORS + v) * VECTOR));
                }
            }
        }
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            LISSOM_UNROLL
            for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
                tile_store(sums + (m * LISSOM_VECTORS + v) * VECTOR, acc[m][v]);
            }
        }
    }
}

/* The results of one tile for one vector of output channels, n of them, `rows` by `columns` of them inside the image. */
LISSOM_NOINLINE static void results(const lissom_conv_params *p, const tile_context *context, const uint8_t *sums,
                                    const uint8_t *head, const uint8_t *skip, uint8_t *y, int32_t rows, int32_t columns,
                                    int32_t n)
{
    tile_sum half[4][6];
    for (int32_t j = 0; j < 6; ++j) {
        tile_sum m[6];
        tile_sum column[4];
        LISSOM_UNROLL
        for (int32_t i = 0; i < 6; ++i) {
            m[i] = tile_load(sums + (i * 6 + j) * SUMS_POINT);
        }
        transform_y(column, m);
        LISSOM_UNROLL
        for (int32_t i = 0; i < 4; ++i) {
            half[i][j] = column[i];
        }
    }
    const tile_head first = tile_of(head);
    const int32_t y_pixel = p->y_pixel * TILE_ELEMENT;
    const int32_t skip_pixel = p->skip_pixel * TILE_ELEMENT;
    for (int32_t i = 0; i < rows; ++i) {
        tile_sum row[4];
        transform_y(row, half[i]);
        tile_finish(context, row, &first, skip ? skip + i * p->out[2] * skip_pixel : NULL, skip_pixel,
                    y + i * p->out[2] * y_pixel, y_pixel, columns, n);
    }
}

/* A patch of 6x6 pixels from (h, w) on, with the byte for what is outside of the image. */
LISSOM_NOINLINE static void copy_patch(const lissom_conv_params *p, int32_t outside, const uint8_t *x, int32_t h, int32_t w,
                                       uint8_t *to)
{
    const int32_t pixel = p->in_channels * TILE_ELEMENT;
    const int32_t x_pixel = p->x_pixel * TILE_ELEMENT;
    const int32_t left = lissom_smaller(lissom_larger(-w, 0), 6);
    const int32_t inside = lissom_larger(lissom_smaller(p->in[2] - w, 6) - left, 0);
    for (int32_t i = 0; i < 6; ++i, to += 6 * pixel) {
        if (h + i < 0 || h + i >= p->in[1] || inside == 0) {
            memset(to, outside, (size_t)(6 * pixel));
            continue;
        }
        memset(to, outside, (size_t)(left * pixel));
        const uint8_t *const from = x + ((h + i) * p->in[2] + w + left) * x_pixel;
        if (x_pixel == pixel) {
            memcpy(to + left * pixel, from, (size_t)(inside * pixel));
        } else {
            for (int32_t j = 0; j < inside; ++j) {
                memcpy(to + (left + j) * pixel, from + j * x_pixel, (size_t)pixel);
            }
        }
        memset(to + (left + inside) * pixel, outside, (size_t)((6 - left - inside) * pixel));
    }
}

/* The tiles from `first` on. Scratch memory holds a patch, transformed patches, transformed weights and sums. */
static inline void block(const tile_params *q, const tile_context *context, const uint8_t *x, const uint8_t *w,
                         const uint8_t *skip, uint8_t *y, uint8_t *scratch, int32_t first, int32_t tiles)
{
    const lissom_conv_params *const p = TILE_CONV(q);
    const int32_t across = (p->out[2] + 3) / 4;
    const int32_t pixel = p->in_channels * TILE_ELEMENT;
    const int32_t groups = (p->in_channels * TILE_READ + 3) / 4;
    const int32_t x_pixel = p->x_pixel * TILE_ELEMENT;
    const int32_t x_row = p->in[2] * x_pixel;
    const int32_t x_bytes = (p->in[1] * p->in[2] - 1) * x_pixel + pixel;
    const int32_t last = x_bytes - LISSOM_DEPTH * TILE_ELEMENT; /* where all channels can be read as vectors */
    uint8_t *const patch = scratch;
    uint8_t *const of_x = patch + (36 * pixel + LISSOM_DEPTH * TILE_ELEMENT + 63) / 64 * 64;
    uint8_t *const of_w = of_x + POINTS * X_POINT;
    uint8_t *const sums = of_w + POINTS * W_POINT;
    for (int32_t t = 0; t < tiles; ++t) {
        const int32_t row = (first + t) / across * 4 - p->pad[1];
        const int32_t column = (first + t) % across * 4 - p->pad[2];
        const int32_t from = row * x_row + column * x_pixel;
        const int32_t end = from + 5 * x_row + 5 * x_pixel;
        if (row >= 0 && column >= 0 && row + 6 <= p->in[1] && column + 6 <= p->in[2] && end <= last) {
            patches(x + from, x_row, x_pixel, p->in_channels, of_x + t * X_TILE);
        } else {
            copy_patch(p, TILE_PAD(q), x, row, column, patch);
            patches(patch, 6 * pixel, pixel, p->in_channels, of_x + t * X_TILE);
        }
    }
    for (int32_t o = 0; o < p->out_channels; o += CHANNELS, w += CHANNELS * TILE_HEAD + groups * LISSOM_VECTORS * 9 * TAP) {
        for (int32_t k = 0; k < groups; k += LISSOM_PART) {
            /* gcc 12 keeps sums in memory where it knows a bound of their number */
            const int32_t part = IS_WHOLE ? groups : lissom_smaller(LISSOM_PART, groups - k);
            weights(w + CHANNELS * TILE_HEAD + k * LISSOM_VECTORS * 9 * TAP, part, of_w);
            for (int32_t i = 0; i < POINTS; ++i) {
                products(of_x + i * X_POINT + k * 4, of_w + i * W_POINT, part, tiles, k == 0, sums + i * SUMS_POINT);
            }
        }
        for (int32_t t = 0; t < tiles; ++t) {
            const int32_t row = (first + t) / across * 4;
            const int32_t column = (first + t) % across * 4;
            const int32_t at = row * p->out[2] + column;
            for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
                const int32_t channel = o + v * LISSOM_LANES;
                if (channel < p->out_channels) {
                    results(p, context, sums + (t * LISSOM_VECTORS + v) * VECTOR, w + v * VECTOR,
                            skip ? skip + (at * p->skip_pixel + channel) * TILE_ELEMENT : NULL,
                            y + (at * p->y_pixel + channel) * TILE_ELEMENT, lissom_smaller(4, p->out[1] - row),
                            lissom_smaller(4, p->out[2] - column), lissom_smaller(LISSOM_LANES, p->out_channels - channel));
                }
            }
        }
    }
}

static inline void convolve(const tile_params *q, const tile_context *context, const uint8_t *x, const uint8_t *w,
                            const uint8_t *skip, uint8_t *y, uint8_t *scratch)
{
    const lissom_conv_params *const p = TILE_CONV(q);
    const int32_t tiles = (p->out[1] + 3) / 4 * ((p->out[2] + 3) / 4);
    const int32_t positions = p->out[1] * p->out[2];
    for (int32_t n = 0; n < p->batch; ++n) {
        for (int32_t first = 0; first < tiles; first += LISSOM_BLOCK) {
            block(q, context, x + n * p->in[1] * p->in[2] * p->x_pixel * TILE_ELEMENT, w,
                  skip ? skip + n * positions * p->skip_pixel * TILE_ELEMENT : NULL,
                  y + n * positions * p->y_pixel * TILE_ELEMENT, scratch, first,
                  lissom_smaller(LISSOM_BLOCK, tiles - first));
        }
    }
}

#endif
