/* From the sums of a tile of LISSOM_ROWS by LISSOM_VECTORS vectors of channels to bytes. */
#ifndef LISSOM_FINISH_Q8_TILE_H
#define LISSOM_FINISH_Q8_TILE_H

#include "lissom_finish_q8.h"

#define ROWS_AT_ONCE (LISSOM_VECTORS == 1 ? 4 : LISSOM_VECTORS == 2 ? 2 : 1)
#define VECTORS_AT_ONCE (LISSOM_VECTORS % 4 == 0 ? 4 : LISSOM_VECTORS % 2 == 0 ? 2 : 1) /* of four, those in one row */

/* Rows of y, and of skip where something is added, are `step` bytes apart. */
static inline void lissom_finish_q8_tile(const lissom_finish_q8 *f, const uint8_t *multipliers,
                                         const lissom_vi (*acc)[LISSOM_VECTORS], const uint8_t *skip, uint8_t *y,
                                         int32_t step, int32_t channels)
{
    for (int32_t row = 0; row < LISSOM_ROWS; row += ROWS_AT_ONCE) {
        for (int32_t first = 0; first < LISSOM_VECTORS; first += 4) {
            lissom_vi values[4];
            uint8_t bytes[4 * LISSOM_LANES];
            LISSOM_UNROLL
            for (int32_t i = 0; i < 4; ++i) { /* past the end the last ones again, which are not stored */
                const int32_t m = lissom_smaller(row + (ROWS_AT_ONCE > 1 ? i / LISSOM_VECTORS : 0), LISSOM_ROWS - 1);
                const int32_t v = ROWS_AT_ONCE > 1 ? i % LISSOM_VECTORS : lissom_smaller(first + i, LISSOM_VECTORS - 1);
                const int32_t n = lissom_larger(0, lissom_smaller(channels - v * LISSOM_LANES, LISSOM_LANES));
                const lissom_vf multiplier = lissom_vf_load(multipliers + v * LISSOM_LANES * 4);
                const uint8_t *const other = skip ? skip + m * step + v * LISSOM_LANES : NULL;
                values[i] = lissom_finish_q8_round(f, acc[m][v], multiplier, other, n);
            }
            lissom_finish_q8_pack(f, values, bytes);
            LISSOM_UNROLL
            for (int32_t i = 0; i < 4; ++i) {
                const int32_t m = row + (ROWS_AT_ONCE > 1 ? i / LISSOM_VECTORS : 0);
                const int32_t v = ROWS_AT_ONCE > 1 ? i % LISSOM_VECTORS : first + i;
                const int32_t n = channels - v * LISSOM_LANES;
                if (m < LISSOM_ROWS && v < LISSOM_VECTORS && n > 0) {
                    uint8_t *const to = y + m * step + v * LISSOM_LANES;
                    if (n >= LISSOM_LANES) {
                        memcpy(to, bytes + i * LISSOM_LANES, LISSOM_LANES);
                    } else {
                        memcpy(to, bytes + i * LISSOM_LANES, (size_t)n);
                    }
                }
            }
        }
    }
}

#ifdef LISSOM_WHOLE_TILES

/* The same for a tile whose channels are all there, from registers: loops are unrolled, so sums never have an address. */
static inline void lissom_finish_q8_whole(const lissom_finish_q8 *f, const uint8_t *multipliers,
                                          lissom_vi (*acc)[LISSOM_VECTORS], const uint8_t *skip, uint8_t *y, int32_t step)
{
    LISSOM_UNROLL
    for (int32_t first = 0; first < LISSOM_ROWS * LISSOM_VECTORS; first += 4) {
        lissom_vi values[4];
        LISSOM_UNROLL
        for (int32_t i = 0; i < 4; ++i) { /* past the end the last ones again, which are not stored */
            const int32_t at = lissom_smaller(first + i, LISSOM_ROWS * LISSOM_VECTORS - 1);
            const int32_t m = at / LISSOM_VECTORS;
            const int32_t v = at % LISSOM_VECTORS;
            const lissom_vf multiplier = lissom_vf_load(multipliers + v * LISSOM_LANES * 4);
            const uint8_t *const other = skip ? skip + m * step + v * LISSOM_LANES : NULL;
            values[i] = lissom_finish_q8_round(f, acc[m][v], multiplier, other, LISSOM_LANES);
        }
        const lissom_vi packed = lissom_vi_pack(values[0], values[1], values[2], values[3], f->zero);
        const lissom_vi bytes = lissom_vi_xor(packed, f->flip);
        LISSOM_UNROLL
        for (int32_t i = 0; i < 4; i += VECTORS_AT_ONCE) {
            const int32_t m = (first + i) / LISSOM_VECTORS;
            const int32_t v = (first + i) % LISSOM_VECTORS;
            if (m < LISSOM_ROWS) {
                lissom_vi_store_part(y + m * step + v * LISSOM_LANES, bytes, 4 / VECTORS_AT_ONCE, i / VECTORS_AT_ONCE);
            }
        }
    }
}

#endif

#endif
