/* The sums of a tile (lissom_conv_q8_tile.h) where there are no dot products (lissom_pair_products.h): a vector of weights
 * has four bytes each of four channels, which meet four bytes of a column. */
#ifndef LISSOM_PAIR_SUMS_H
#define LISSOM_PAIR_SUMS_H

#include "lissom_lane_sums.h"
#include "lissom_pair_products.h"

#define TILE_DEPTH 4 /* bytes of a run that a vector of weights is for */

/* Four bytes of each column, which go where `to_lanes` says. */
LISSOM_INLINE const uint8_t *multiply(lissom_vi (*acc)[LISSOM_VECTORS], const int8x16_t *xs, int8x16_t to_lanes, const uint8_t *w)
{
    LISSOM_UNROLL
    for (int32_t first = 0; first < LISSOM_VECTORS; first += 4) {
        const int32_t count = lissom_smaller(4, LISSOM_VECTORS - first);
        int8x16_t weights[4];
        w = lissom_load_up_to_four(weights, w, count);
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            const int8x16_t x = vqtbl1q_s8(xs[m], vreinterpretq_u8_s8(to_lanes));
            LISSOM_UNROLL
            for (int32_t i = 0; i < count; ++i) {
                acc[m][first + i] = add_products(acc[m][first + i], weights[i], x);
            }
        }
    }
    return w;
}

LISSOM_INLINE void load_columns(int8x16_t *xs, const uint8_t *x, int32_t step, const int32_t n)
{
    LISSOM_UNROLL
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        const int8_t *const from = (const int8_t *)x + m * step;
        xs[m] = n == 16  ? vld1q_s8(from)
                : n == 8 ? vcombine_s8(vld1_s8(from), vdup_n_s8(0))
                         : vreinterpretq_s8_s32(vld1q_dup_s32((const void *)from));
    }
}

LISSOM_INLINE const uint8_t *sums_run(lissom_vi (*acc)[LISSOM_VECTORS], const uint8_t *x, int32_t step, const uint8_t *w,
                                      int32_t length)
{
    const int32_t may_pass = LISSOM_STEP && LISSOM_COPIED; /* the end of a run */
    const uint8_t *const end = x + length / 16 * 16;
    int32_t left = length % 16;
    int8x16_t xs[LISSOM_ROWS];
    for (; x < end; x += 16) {
        load_columns(xs, x, step, 16);
        w = multiply(acc, xs, spread(0), w);
        w = multiply(acc, xs, spread(1), w);
        w = multiply(acc, xs, spread(2), w);
        w = multiply(acc, xs, spread(3), w);
    }
    if (may_pass && left > 0) {
        load_columns(xs, x, step, 16);
        LISSOM_UNROLL
        for (int32_t lane = 0; lane < 4; ++lane) {
            if (left > 4 * lane) {
                w = multiply(acc, xs, spread(lane), w);
            }
        }
        return w;
    }
    if (left >= 8) {
        load_columns(xs, x, step, 8);
        w = multiply(acc, xs, spread(0), w);
        w = multiply(acc, xs, spread(1), w);
        x += 8;
        left -= 8;
    }
    if (left > 0 && LISSOM_STEP > 0) {
        load_columns(xs, x, step, 4);
        return multiply(acc, xs, spread(0), w);
    }
    for (; left > 0; left -= 4, x += 4) {
        load_columns(xs, x, step, 4);
        w = multiply(acc, xs, spread(0), w);
    }
    return w;
}

#endif
