/* A tile of sums to bytes, LISSOM_ROWS rows of LISSOM_VECTORS vectors (lissom_finish_q8.h). */
#ifndef LISSOM_FINISH_Q8_TILE_H
#define LISSOM_FINISH_Q8_TILE_H

/* From the sums of ROWS_AT_ONCE rows to bytes: four vectors, which lie LISSOM_VECTORS to a row. */
#define ROWS_AT_ONCE (LISSOM_VECTORS == 1 ? 4 : LISSOM_VECTORS == 2 ? 2 : 1)
#define ROW_OF(i) (ROWS_AT_ONCE > 1 ? (i) / LISSOM_VECTORS : 0)
#define VECTOR_OF(i, first) (ROWS_AT_ONCE > 1 ? (i) % LISSOM_VECTORS : (first) + (i))

LISSOM_INLINE void store(uint8_t *y, int32_t step, int8x16_t bytes, int32_t row, int32_t first, int32_t channels)
{
    uint8_t some[16];
    const int32_t left = lissom_smaller(4, LISSOM_ROWS * LISSOM_VECTORS - (row * LISSOM_VECTORS + first));
    if (LISSOM_STEP && LISSOM_WHOLE && (LISSOM_VECTORS - first) >= 4) {
        vst1q_s8((int8_t *)y + row * step + first * 4, bytes);
        return;
    }
    if (LISSOM_STEP && LISSOM_WHOLE && LISSOM_VECTORS == 2) {
        vst1_s8((int8_t *)y + row * step, vget_low_s8(bytes));
        if (left == 4) {
            vst1_s8((int8_t *)y + (row + 1) * step, vget_high_s8(bytes));
        }
        return;
    }
    vst1q_s8((int8_t *)some, bytes);
    LISSOM_UNROLL
    for (int32_t i = 0; i < 4; ++i) {
        const int32_t v = VECTOR_OF(i, first);
        const int32_t n = channels - v * 4;
        if (row + ROW_OF(i) < LISSOM_ROWS && v < LISSOM_VECTORS && n > 0) {
            memcpy(y + (row + ROW_OF(i)) * step + v * 4, some + 4 * i, n >= 4 ? 4 : (size_t)n);
        }
    }
}

/* Elements of skip for four vectors. */
LISSOM_INLINE void load_skip(lissom_vi *to, const uint8_t *skip, int32_t step, int32_t row, int32_t first, int32_t channels)
{
    if (LISSOM_STEP && LISSOM_WHOLE && LISSOM_VECTORS - first >= 4) {
        const int8x16_t bytes = vld1q_s8((const int8_t *)skip + row * step + first * 4);
        const int16x8_t low = vmovl_s8(vget_low_s8(bytes));
        const int16x8_t high = vmovl_high_s8(bytes);
        to[0] = vmovl_s16(vget_low_s16(low));
        to[1] = vmovl_high_s16(low);
        to[2] = vmovl_s16(vget_low_s16(high));
        to[3] = vmovl_high_s16(high);
        return;
    }
    LISSOM_UNROLL
    for (int32_t i = 0; i < 4; ++i) {
        const int32_t v = VECTOR_OF(i, first);
        const int32_t n = lissom_larger(0, lissom_smaller(4, channels - v * 4));
        const int32_t m = lissom_smaller(row + ROW_OF(i), LISSOM_ROWS - 1);
        to[i] = lissom_vi_bytes(skip + m * step + v * 4, v < LISSOM_VECTORS ? n : 0);
    }
}

/* All rows of a tile, for `channels` channels, whose multipliers are at `multipliers`. */
LISSOM_INLINE void lissom_finish_q8_tile(const lissom_finish_q8 *f, const uint8_t *multipliers,
                                         tile_sum (*acc)[LISSOM_VECTORS], const uint8_t *skip, uint8_t *y, int32_t step,
                                         int32_t channels)
{
    lissom_vi factors[LISSOM_VECTORS];
    load_vectors(factors, multipliers);
    LISSOM_UNROLL
    for (int32_t row = 0; row < LISSOM_ROWS; row += ROWS_AT_ONCE) {
        LISSOM_UNROLL
        for (int32_t first = 0; first < LISSOM_VECTORS; first += 4) {
            lissom_vi values[4];
            lissom_vi others[4];
            if (skip) {
                load_skip(others, skip, step, row, first, channels);
            }
            LISSOM_UNROLL
            for (int32_t i = 0; i < 4; ++i) { /* past the end the last ones again, which are not stored */
                const int32_t m = lissom_smaller(row + ROW_OF(i), LISSOM_ROWS - 1);
                const int32_t v = lissom_smaller(VECTOR_OF(i, first), LISSOM_VECTORS - 1);
                const lissom_vf multiplier = vreinterpretq_f32_s32(factors[v]);
                values[i] = skip ? lissom_finish_q8_added(f, acc[m][v], multiplier, others[i])
                                 : lissom_finish_q8_scaled(acc[m][v], multiplier);
            }
            store(y, step, lissom_finish_q8_bytes(f, values), row, first, channels);
        }
    }
}

#endif
