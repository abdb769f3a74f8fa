/* The sums of a tile (lissom_register_tile.h) by weights of four channels, four bytes each, times four bytes of a column,
 * picked by lane: dot products or, with LISSOM_FLOATS, products of floats. */
#ifndef LISSOM_DOT_SUMS_H
#define LISSOM_DOT_SUMS_H

#include "lissom_lane_sums.h"

#define TILE_DEPTH 4 /* bytes of a run that a vector of weights is for */

#ifdef LISSOM_FLOATS
/* In assembly, since gcc moves sums of floats about. */
#define PICK(acc, w, x, lane) __asm__("fmla %0.4s, %1.4s, %2.s[" #lane "]" : "+w"(acc) : "w"(w), "w"(x))
#define PICK_HALF(acc, w, x, lane) PICK(acc, w, x, lane)
#else
#define PICK(acc, w, x, lane) acc = vdotq_laneq_s32(acc, w, x, lane)
#define PICK_HALF(acc, w, x, lane) acc = vdotq_lane_s32(acc, w, x, lane)
#endif

#ifndef LISSOM_FLOATS
LISSOM_INLINE lissom_vi add_products(lissom_vi acc, int8x16_t w, int8x16_t x) { return vdotq_s32(acc, w, x); }
#endif

/* Four bytes of each column, which are lane LANE of xs, as HOW takes it. */
#define MULTIPLY(HOW, xs, LANE)                                                         \
    LISSOM_UNROLL                                                                        \
    for (int32_t first = 0; first < LISSOM_VECTORS; first += 4) {                        \
        const int32_t count = lissom_smaller(4, LISSOM_VECTORS - first);                 \
        int8x16_t weights[4];                                                            \
        w = lissom_load_up_to_four(weights, w, count);                                             \
        LISSOM_UNROLL                                                                    \
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {                                      \
            LISSOM_UNROLL                                                                \
            for (int32_t i = 0; i < count; ++i) {                                        \
                tile_sum *const to = &acc[m][first + i];                                \
                HOW(*to, weights[i], (xs)[m], LANE);                              \
            }                                                                            \
        }                                                                                \
    }

LISSOM_INLINE const uint8_t *sums_run(tile_sum (*acc)[LISSOM_VECTORS], const uint8_t *x, int32_t step, const uint8_t *w,
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
        MULTIPLY(PICK, whole, 0);
        MULTIPLY(PICK, whole, 1);
        MULTIPLY(PICK, whole, 2);
        MULTIPLY(PICK, whole, 3);
    }
    if (may_pass && left > 8) {
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            whole[m] = vld1q_s8((const int8_t *)x + m * step);
        }
        MULTIPLY(PICK, whole, 0);
        MULTIPLY(PICK, whole, 1);
        MULTIPLY(PICK, whole, 2);
        if (left > 12) {
            MULTIPLY(PICK, whole, 3);
        }
        return w;
    }
    if (left >= 8 || (may_pass && left > 0)) {
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            half[m] = vld1_s8((const int8_t *)x + m * step);
        }
        MULTIPLY(PICK_HALF, half, 0);
        if (left > 4) {
            MULTIPLY(PICK_HALF, half, 1);
        }
        x += 8;
        left -= 8;
    }
    for (; left > 0; left -= 4, x += 4) {
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            half[m] = vreinterpret_s8_s32(vld1_dup_s32((const void *)(x + m * step)));
        }
        MULTIPLY(PICK_HALF, half, 0);
    }
    return w;
}

#endif
