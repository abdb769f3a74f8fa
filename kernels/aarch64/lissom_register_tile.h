/* Tiles of LISSOM_ROWS columns of one output row and LISSOM_VECTORS vectors of output channels, accumulated in registers: an
 * implicit matrix product, channels last, without a copy of the patches. What bytes and floats do differently is defined
 * before this is included: what lissom_conv_walk.h wants, TILE_SUMS, the file that has the sums, and
 *
 *     results       from the sums of a tile to what is stored
 *
 * A run is what lies in a row under the kernel: kernel width times channels, contiguous, or, where columns are not
 * neighbours, the channels of one column. It is read 16 bytes at a time, of which each four (or eight, or two) meet a vector
 * of weights. Runs of a number of bytes that four does not divide are read from a copy of x, where reading past the end of a
 * run does no harm; other runs are read to the byte.
 *
 * Where a layer has the kernel to itself its geometry is known: LISSOM_STEP, the bytes from one column's patch to the next,
 * LISSOM_LENGTH, the bytes of a run, LISSOM_RUNS along the width, LISSOM_COPIED, whether x is read from a copy, and
 * LISSOM_WHOLE, whether all panels are full. A LISSOM_STEP of 0 leaves all of this to the parameters.
 *
 * w holds a panel for each LISSOM_VECTORS vectors of output channels: what comes first, then the weights of each run. */
#ifndef LISSOM_REGISTER_TILE_H
#define LISSOM_REGISTER_TILE_H

#include "lissom_conv_walk.h"

LISSOM_INLINE void results(const tile_params *q, const uint8_t *panel, tile_sum (*acc)[LISSOM_VECTORS], const uint8_t *skip,
                           uint8_t *y, int32_t step, int32_t channels);

static inline void tiles_begin(void) {}
static inline void tiles_end(void) {}

LISSOM_INLINE void tile(const tile_params *q, const walk *walks, const uint8_t *x, int32_t step, const uint8_t *panel,
                        const uint8_t *skip, uint8_t *y, int32_t y_step, int32_t channels)
{
    tile_sum acc[LISSOM_ROWS][LISSOM_VECTORS];
    sums_start(acc, panel);
    const uint8_t *w = panel + CHANNELS * TILE_HEAD;
    for (int32_t d = 0; d < walks->runs[0]; ++d) {
        for (int32_t h = 0; h < walks->runs[1]; ++h) {
            for (int32_t k = 0; k < (LISSOM_STEP ? LISSOM_RUNS : walks->runs[2]); ++k) {
                const uint8_t *const at = x + d * walks->steps[0] + h * walks->steps[1] + k * walks->steps[2];
                w = sums_run(acc, at, step, w, LISSOM_STEP ? LISSOM_LENGTH : walks->length);
            }
        }
    }
    sums_end(acc);
    if (skip) {
        results(q, panel, acc, skip, y, y_step, channels);
    } else {
        results(q, panel, acc, NULL, y, y_step, channels);
    }
}

#endif
