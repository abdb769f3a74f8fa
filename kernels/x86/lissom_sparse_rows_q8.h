/* Convolution of bytes by 1x1 with weights of which few blocks of four channels are not zero, where a pixel's channels fit
 * in LISSOM_REGISTERS vectors. A lane is an output channel: in each step it picks four bytes of a pixel, whichever they are,
 * and meets what it has of weights for them, which are packed as for lissom_sparse_row.h. A tile is LISSOM_ROWS pixels, of
 * which there are no fewer, by LISSOM_VECTORS vectors of channels, of which there is a whole multiple. Results are channels
 * last as they are: nothing is laid out before, or turned round behind. */
#include "lissom_finish_q8_tile.h"
#include "lissom_interleave.h"
#include "lissom_pick.h"
#include "lissom_sparse.h"

#define BYTES (LISSOM_LANES * 4)

/* The sums of a tile. Returns what is behind its entries. */
LISSOM_INLINE const uint8_t *sum(lissom_vi (*acc)[LISSOM_VECTORS], const lissom_vi (*x)[LISSOM_REGISTERS],
                                 const uint8_t *counts, const uint8_t *biases, const uint8_t *w)
{
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            acc[m][v] = lissom_vi_load(biases + v * BYTES);
        }
        const uint8_t *const picks = w;
        w += (counts[v] + 3) / 4 * BYTES;
        for (int32_t s = 0; s < counts[v]; ++s, w += BYTES) {
            const lissom_vi which = lissom_vi_load(picks + s / 4 * BYTES + s % 4); /* the lowest bytes are those of step s */
            const lissom_vi weights = lissom_vi_load(w);
            LISSOM_UNROLL
            for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
                acc[m][v] = lissom_vi_dot(acc[m][v], lissom_pick(x[m], which, LISSOM_REGISTERS), weights);
            }
        }
    }
    return w;
}

LISSOM_NOINLINE static void finish_some(const lissom_finish_q8 *f, const uint8_t *multipliers,
                                        const lissom_vi (*acc)[LISSOM_VECTORS], uint8_t *y, int32_t step, int32_t channels)
{
    lissom_finish_q8_tile(f, multipliers, acc, NULL, y, step, channels);
}

LISSOM_INLINE void finish(const lissom_finish_q8 *f, const uint8_t *multipliers, lissom_vi (*acc)[LISSOM_VECTORS], uint8_t *y,
                          int32_t step, int32_t channels)
{
    if (channels >= LISSOM_VECTORS * LISSOM_LANES) {
        lissom_finish_q8_whole(f, multipliers, acc, NULL, y, step);
        return;
    }
    lissom_vi done[LISSOM_ROWS][LISSOM_VECTORS];
    LISSOM_UNROLL
    for (int32_t i = 0; i < LISSOM_ROWS * LISSOM_VECTORS; ++i) { /* so only this copy has an address */
        done[i / LISSOM_VECTORS][i % LISSOM_VECTORS] = acc[i / LISSOM_VECTORS][i % LISSOM_VECTORS];
    }
    finish_some(f, multipliers, (const lissom_vi(*)[LISSOM_VECTORS])done, y, step, channels);
}

void LISSOM_KERNEL(const lissom_sparse_q8_params *q, const uint8_t *x, const uint8_t *w, uint8_t *y, void *scratch)
{
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->y, NULL);
    const lissom_conv_params *const p = &q->conv;
    const int32_t vectors = (p->out_channels + LISSOM_LANES - 1) / LISSOM_LANES;
    const int32_t all = p->batch * p->out[0] * p->out[1] * p->out[2];
    const uint8_t *const biases = w + (vectors + BYTES - 1) / BYTES * BYTES;
    const uint8_t *const multipliers = biases + vectors * BYTES;
    (void)scratch;
    for (int32_t next = 0; next < all; next += LISSOM_ROWS) {
        const int32_t first = lissom_smaller(next, all - LISSOM_ROWS); /* the last tile overlaps the one before it */
        lissom_vi at[LISSOM_ROWS][LISSOM_REGISTERS];
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            LISSOM_UNROLL
            for (int32_t k = 0; k < LISSOM_REGISTERS; ++k) {
                at[m][k] = lissom_load_bytes(x + (first + m) * p->x_pixel + k * BYTES, p->in_channels - k * BYTES);
            }
        }
        const uint8_t *entries = multipliers + vectors * BYTES;
        for (int32_t v = 0; v < vectors; v += LISSOM_VECTORS) {
            uint8_t *const to = y + first * p->y_pixel + v * LISSOM_LANES;
            lissom_vi acc[LISSOM_ROWS][LISSOM_VECTORS];
            entries = sum(acc, (const lissom_vi(*)[LISSOM_REGISTERS])at, w + v, biases + v * BYTES, entries);
            finish(&f, multipliers + v * BYTES, acc, to, p->y_pixel, p->out_channels - v * LISSOM_LANES);
        }
    }
}

LISSOM_LEVEL_END
