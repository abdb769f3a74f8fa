/* The sums of a tile (lissom_conv_q8_tile.h) by dot products of four bytes: weights of four channels, four bytes each, times
 * four bytes of a column, picked by lane. */
#ifndef LISSOM_DOT_SUMS_H
#define LISSOM_DOT_SUMS_H

#define TILE_DEPTH 4 /* bytes of a run that a vector of weights is for */

LISSOM_INLINE void sums_start(lissom_vi (*acc)[LISSOM_VECTORS], const uint8_t *panel)
{
    LISSOM_UNROLL
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        load_vectors(acc[m], panel);
        LISSOM_FORGET(panel);
    }
}

LISSOM_INLINE void sums_end(lissom_vi (*acc)[LISSOM_VECTORS]) { (void)acc; }

/* Four bytes of each column, which are lane LANE of xs, as PICK takes it. */
#define MULTIPLY(PICK, xs, LANE)                                                         \
    LISSOM_UNROLL                                                                        \
    for (int32_t first = 0; first < LISSOM_VECTORS; first += 4) {                        \
        const int32_t count = lissom_smaller(4, LISSOM_VECTORS - first);                 \
        int8x16_t weights[4];                                                            \
        w = load_weights(weights, w, count);                                             \
        LISSOM_UNROLL                                                                    \
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {                                      \
            LISSOM_UNROLL                                                                \
            for (int32_t i = 0; i < count; ++i) {                                        \
                lissom_vi *const to = &acc[m][first + i];                                \
                *to = PICK(*to, weights[i], (xs)[m], LANE);                              \
            }                                                                            \
        }                                                                                \
    }

LISSOM_INLINE const uint8_t *sums_run(lissom_vi (*acc)[LISSOM_VECTORS], const uint8_t *x, int32_t step, const uint8_t *w,
                                      int32_t length)
{
    const int32_t may_pass = LISSOM_STEP && LISSOM_COPIED; /* the end of a run */
    const uint8_t *const end = x + length / 16 * 16;
    int32_t left = length % 16;
    int8x16_t whole[LISSOM_ROWS];
    int8x8_t half[LISSOM_ROWS];
    for (; x < end; x += 16) {
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            whole[m] = vld1q_s8((const int8_t *)x + m * step);
        }
        MULTIPLY(vdotq_laneq_s32, whole, 0);
        MULTIPLY(vdotq_laneq_s32, whole, 1);
        MULTIPLY(vdotq_laneq_s32, whole, 2);
        MULTIPLY(vdotq_laneq_s32, whole, 3);
    }
    if (may_pass && left > 8) {
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            whole[m] = vld1q_s8((const int8_t *)x + m * step);
        }
        MULTIPLY(vdotq_laneq_s32, whole, 0);
        MULTIPLY(vdotq_laneq_s32, whole, 1);
        MULTIPLY(vdotq_laneq_s32, whole, 2);
        if (left > 12) {
            MULTIPLY(vdotq_laneq_s32, whole, 3);
        }
        return w;
    }
    if (left >= 8 || (may_pass && left > 0)) {
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            half[m] = vld1_s8((const int8_t *)x + m * step);
        }
        MULTIPLY(vdotq_lane_s32, half, 0);
        if (left > 4) {
            MULTIPLY(vdotq_lane_s32, half, 1);
        }
        x += 8;
        left -= 8;
    }
    for (; left > 0; left -= 4, x += 4) {
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            half[m] = vreinterpret_s8_s32(vld1_dup_s32((const void *)(x + m * step)));
        }
        MULTIPLY(vdotq_lane_s32, half, 0);
    }
    return w;
}

#endif
