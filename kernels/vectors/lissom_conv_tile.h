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
 * each run and group a vector of weights, four bytes a lane (backends/c/packing, "panels").
 */
#ifndef LISSOM_CONV_TILE_H
#define LISSOM_CONV_TILE_H

#define CHANNELS (LISSOM_VECTORS * LISSOM_LANES)

#define REST(walks) (LISSOM_STEP ? LISSOM_REST : (walks)->length % LISSOM_CHUNK)

#ifdef LISSOM_CHUNK
#include "lissom_matrix_sums.h"
#else
#include "lissom_vector_sums.h"
#endif

#define TILE_RUN(length) (((length) + LISSOM_CHUNK - 1) / LISSOM_CHUNK * LISSOM_CHUNK)
#define TILE_COPIES(length) (TILE_READ != TILE_ELEMENT)
#include "lissom_conv_walk.h"

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

static inline void tiles_begin(void) { sums_begin(); }
static inline void tiles_end(void) { sums_end(); }

static inline void tile(const tile_params *q, const walk *walks, const uint8_t *x, int32_t step, const uint8_t *panel,
                        const uint8_t *skip, uint8_t *y, int32_t y_step, int32_t channels)
{
    tile_sum acc[LISSOM_ROWS][LISSOM_VECTORS];
    sums_start(acc, panel);
    const int32_t groups = walks->length / LISSOM_CHUNK;
    const uint8_t *w = panel + CHANNELS * TILE_HEAD;
    for (int32_t d = 0; d < walks->runs[0]; ++d) {
        for (int32_t h = 0; h < walks->runs[1]; ++h) {
            for (int32_t k = 0; k < walks->runs[2]; ++k) {
                const uint8_t *at = x + d * walks->steps[0] + h * walks->steps[1] + k * walks->steps[2];
                if (REST(walks) != 0 && groups == 0) {
                    multiply(acc, at, step, w, REST(walks));
                    w += CHANNELS * LISSOM_CHUNK;
                    continue;
                }
                for (int32_t g = 1; g <= groups + (REST(walks) != 0); ++g) {
                    LISSOM_FORGET(at); /* neighbours see the same bytes some groups later: gcc would keep them till then */
                    multiply(acc, at, step, w, 0);
                    at += g < groups ? LISSOM_CHUNK : REST(walks); /* the last group ends where the run does */
                    w += CHANNELS * LISSOM_CHUNK;
                }
            }
        }
    }
#if defined(LISSOM_WHOLE_TILES) && defined(SUMS_IN_VECTORS)
    if (channels == CHANNELS) {
        if (skip) {
            tile_whole(q, panel, acc, skip, y, y_step);
        } else {
            tile_whole(q, panel, acc, NULL, y, y_step);
        }
        return;
    }
#endif
    tile_sum done[LISSOM_ROWS][LISSOM_VECTORS];
    sums_store(done, (const tile_sum(*)[LISSOM_VECTORS])acc);
    finish(q, panel, (const tile_sum(*)[LISSOM_VECTORS])done, skip, y, y_step, channels);
}

#endif
