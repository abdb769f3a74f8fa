/* Convolution, channels last, by tiles of LISSOM_ROWS columns of one output row and LISSOM_VECTORS vectors of output
 * channels, accumulated in registers: an implicit matrix product, without a copy of the patches. What bytes and floats
 * do differently is defined before this is included:
 *
 *     tile_params  TILE_ELEMENT  tile_sum     the parameter struct, bytes of an element, a vector
 *     TILE_READ  tile_widen                   bytes of an element of x as tiles read it, and what makes x so where
 *                                             these are more than in memory
 *     TILE_CONV(q)  TILE_PAD(q)               the lissom_conv_params, and the byte a border is filled with
 *     TILE_HEAD                               bytes a channel takes in a panel before its weights
 *     tile_start tile_load                    first sums, from the panel; a vector of weights
 *     tile_group tile_few tile_dot            4 bytes or fewer in every lane; a multiply-accumulate
 *     tile_finish                             from sums to results
 *
 * A run is what lies in a row under the kernel: kernel width times channels, contiguous, or, where columns are not
 * neighbours, the channels of one column. Runs are read in groups of four bytes, which is one float, or in chunks of up to
 * 64 by tiles of a matrix unit; the last group ends where the run ends and overlaps the one before, with weights of 0 for what that one had. So no byte outside a run is
 * ever read.
 *
 * LISSOM_STEP, the bytes from one column's patch to the next, and LISSOM_REST, the bytes of a run behind its whole groups,
 * are known where a layer has the kernel to itself: addresses are then constants beside one pointer. A LISSOM_STEP of 0
 * leaves both to the parameters.
 *
 * sums_* is either of lissom_vector_sums.h and lissom_matrix_sums.h. w holds a panel for each LISSOM_VECTORS vectors of output channels: what tile_start and tile_finish need, then for
 * each run and group a vector of weights, four bytes a lane (backends/c/packing.py, "panels").
 */
#ifndef LISSOM_CONV_TILE_H
#define LISSOM_CONV_TILE_H

#define CHANNELS (LISSOM_VECTORS * LISSOM_LANES)

#define REST(walks) (LISSOM_STEP ? LISSOM_REST : (walks)->rest)

typedef struct {
    int32_t runs[3];  /* how many along depth, height and width */
    int32_t steps[3]; /* bytes from one to the next */
    int32_t groups;   /* whole groups in a run */
    int32_t rest;     /* bytes behind them */
} walk;

#ifdef LISSOM_CHUNK
#include "lissom_matrix_sums.h"
#else
#include "lissom_vector_sums.h"
#endif

/* Results from sums. They pass through memory: so this is there once, and the loop over sums keeps all registers. */
LISSOM_NOINLINE static void finish(const tile_params *q, const uint8_t *panel, const tile_sum (*acc)[LISSOM_VECTORS],
                                   const uint8_t *skip, uint8_t *y, int32_t step, int32_t channels)
{
    if (skip) {
        tile_finish(q, panel, acc, skip, y, step, channels);
    } else {
        tile_finish(q, panel, acc, NULL, y, step, channels);
    }
}

/* LISSOM_ROWS output columns from the patches at x, `step` bytes apart. */
static inline void tile(const tile_params *q, const walk *walks, const uint8_t *x, int32_t step, const uint8_t *panel,
                        const uint8_t *skip, uint8_t *y, int32_t y_step, int32_t channels)
{
    tile_sum acc[LISSOM_ROWS][LISSOM_VECTORS];
    sums_start(acc, panel);
    const uint8_t *w = panel + CHANNELS * TILE_HEAD;
    for (int32_t d = 0; d < walks->runs[0]; ++d) {
        for (int32_t h = 0; h < walks->runs[1]; ++h) {
            for (int32_t k = 0; k < walks->runs[2]; ++k) {
                const uint8_t *at = x + d * walks->steps[0] + h * walks->steps[1] + k * walks->steps[2];
                for (int32_t g = 0; g < walks->groups; ++g) {
                    multiply(acc, at, step, w, 0);
                    at += LISSOM_CHUNK;
                    w += CHANNELS * LISSOM_CHUNK;
                }
                if (REST(walks) != 0) {
                    if (walks->groups == 0) {
                        multiply(acc, at, step, w, REST(walks));
                    } else {
                        multiply(acc, at + REST(walks) - LISSOM_CHUNK, step, w, 0);
                    }
                    w += CHANNELS * LISSOM_CHUNK;
                }
            }
        }
    }
    tile_sum done[LISSOM_ROWS][LISSOM_VECTORS];
    sums_store(done, (const tile_sum(*)[LISSOM_VECTORS])acc);
    finish(q, panel, (const tile_sum(*)[LISSOM_VECTORS])done, skip, y, y_step, channels);
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

/* x as tiles read it, with a border of its zero point, in scratch memory. */
static const uint8_t *padded(const tile_params *q, const uint8_t *x, uint8_t *to, const int32_t *size)
{
    const lissom_conv_params *const p = TILE_CONV(q);
    const size_t pixel = (size_t)(p->in_channels * p->groups);
    const size_t row = (size_t)size[2] * pixel;
    const size_t left = (size_t)p->pad[2] * pixel;
    const size_t inside = (size_t)p->in[2] * pixel;
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
            at = copy(at, x + (size_t)(from_d * p->in[1] + from_h) * inside * TILE_ELEMENT, inside);
            at = fill(at, TILE_PAD(q), row - left - inside);
        }
    }
    return to;
}

static inline void convolve(const tile_params *q, const uint8_t *x, const uint8_t *w, const uint8_t *skip, uint8_t *y,
                            uint8_t *scratch)
{
    const lissom_conv_params *const p = TILE_CONV(q);
    const int32_t pixel = p->in_channels * p->groups * TILE_READ;
    const int32_t y_pixel = p->y_pixel * TILE_ELEMENT; /* of skip too */
    const int32_t apart = p->dilation[2] > 1 || p->groups > 1; /* columns under the kernel are no run */
    int32_t size[3];                                           /* of x with its border */
    int is_copied = TILE_READ != TILE_ELEMENT;
    for (int32_t i = 0; i < 3; ++i) {
        const int32_t reach = (p->out[i] - 1) * p->stride[i] + (p->kernel[i] - 1) * p->dilation[i] + 1;
        size[i] = lissom_larger(reach, p->pad[i] + p->in[i]);
        is_copied |= size[i] > p->in[i];
    }
    const int32_t length = p->in_channels * (apart ? 1 : p->kernel[2]) * TILE_READ;
    const walk walks = {
        {p->kernel[0], p->kernel[1], apart ? p->kernel[2] : 1},
        {p->dilation[0] * size[1] * size[2] * pixel, p->dilation[1] * size[2] * pixel, p->dilation[2] * pixel},
        length / LISSOM_CHUNK,
        length % LISSOM_CHUNK,
    };
    const int32_t step = LISSOM_STEP ? LISSOM_STEP : p->stride[2] * pixel;
    const int32_t taps = p->kernel[0] * p->kernel[1] * walks.runs[2];
    const int32_t panel_bytes = CHANNELS * (TILE_HEAD + taps * ((length + LISSOM_CHUNK - 1) / LISSOM_CHUNK) * LISSOM_CHUNK);
    sums_begin();
    for (int32_t n = 0; n < p->batch; ++n) {
        const uint8_t *const image = x + n * p->in[0] * p->in[1] * p->in[2] * (pixel / TILE_READ * TILE_ELEMENT);
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
    sums_end();
}

#endif
