/* Products of two activations by tiles of LISSOM_ROWS rows of a by LISSOM_VECTORS vectors of columns of b, accumulated in
 * registers. The columns of a tile are packed first, into a panel such as a convolution has (lissom_conv_tile.h): for
 * each four bytes of a row of a a vector of b, four bytes a lane. What bytes and floats do differently is defined before
 * this is included:
 *
 *     tile_params  TILE_ELEMENT  tile_sum     the parameter struct, bytes of an element of y, a vector
 *     TILE_MATMUL(q)                          the lissom_matmul_params
 *     TILE_HEAD                               bytes a column takes in a panel before its elements
 *     tile_depth tile_step                    bytes of a row of a, and to the next, as tiles read it
 *     tile_rows tile_pack                     a as tiles read it; the panel of some columns of b
 *     tile_start tile_load                    first sums; a vector of b
 *     tile_group tile_dot                     four bytes in every lane; a multiply-accumulate
 *     tile_finish                             from sums to results
 *     TILE_WHOLE tile_whole                   where there is one: the same, from registers, if all columns are there
 *
 * LISSOM_DEPTH is the bytes of a row of a, LISSOM_STEP those from one row to the next, both as tiles read them, where a
 * layer has the kernel to itself; a LISSOM_DEPTH of 0 leaves both to the parameters. Where the last group has fewer than four bytes, it ends where the row ends and overlaps the
 * one before, with zeros of b for what that one had: no byte outside a row is ever read.
 */
#ifndef LISSOM_MATMUL_TILE_H
#define LISSOM_MATMUL_TILE_H

#define DEPTH(q) (LISSOM_DEPTH ? LISSOM_DEPTH : tile_depth(q))
#define STEP(q) (LISSOM_DEPTH ? LISSOM_STEP : tile_step(q))

static inline void multiply(tile_sum (*acc)[LISSOM_VECTORS], const uint8_t *a, int32_t step, const uint8_t *w)
{
    tile_sum columns[LISSOM_VECTORS];
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
        columns[v] = tile_load(w + v * LISSOM_LANES * 4);
    }
    LISSOM_UNROLL
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        const tile_sum four = tile_group(a + m * step);
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            acc[m][v] = tile_dot(acc[m][v], four, columns[v]);
        }
    }
}

/* Results from sums. They pass through memory: so this is there once, and the loop over sums keeps all registers. */
LISSOM_NOINLINE static void finish(const tile_params *q, const uint8_t *panel, const tile_sum (*acc)[LISSOM_VECTORS],
                                   uint8_t *y, int32_t columns)
{
    tile_finish(q, panel, acc, y, columns);
}

/* LISSOM_ROWS rows of y, `columns` of each, from the rows at a. */
static inline void tile(const tile_params *q, const uint8_t *a, const int32_t *first, const uint8_t *panel, uint8_t *y,
                        int32_t columns)
{
    tile_sum acc[LISSOM_ROWS][LISSOM_VECTORS];
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            acc[m][v] = tile_start(panel, v, first, m);
        }
    }
    const int32_t step = STEP(q);
    const int32_t rest = DEPTH(q) % 4;
    const uint8_t *w = panel + COLUMNS * TILE_HEAD;
    int32_t groups = (DEPTH(q) + 3) / 4;
    LISSOM_FORGET(groups); /* gcc, if it knows that there are any, keeps the sums twice, once of it on the stack */
    for (int32_t g = 1; g <= groups; ++g, w += COLUMNS * 4) {
        multiply(acc, a, step, w);
        a += rest == 0 || g < groups - 1 ? 4 : rest; /* the last group ends where the row does */
    }
#ifdef TILE_WHOLE
    if (columns == COLUMNS) {
        tile_whole(q, panel, acc, y);
        return;
    }
#endif
    tile_sum sums[LISSOM_ROWS][LISSOM_VECTORS];
    LISSOM_UNROLL
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            sums[m][v] = acc[m][v];
        }
    }
    finish(q, panel, (const tile_sum(*)[LISSOM_VECTORS])sums, y, columns);
}

#include "lissom_matmul_walk.h"

#endif
