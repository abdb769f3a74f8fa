/* A sparse matrix times vectors: fully connected layers on few rows. A lane is an output channel, and LISSOM_VECTORS vectors of
 * them are taken at once. In each step every lane picks four bytes of a window of 64 bytes of x, whichever they are, by a table
 * lookup, and meets what it has of weights for them; windows move on as the slowest lane wants. What bytes and floats do
 * differently is defined before this is included:
 *
 *     row_params  ROW_ELEMENT  row_sum  the parameter struct, bytes of an element of x and y, a vector of sums
 *     ROW_HEAD                          numbers a channel has in front of its entries: its bias first
 *     row_load row_step                 sums that begin with what is at an address; with picked bytes and their weights
 *     row_finish                        from sums to results
 *
 * w holds for each LISSOM_VECTORS vectors how many steps they take, in 16 bytes, where the window of each step begins, 16 bits
 * each in whole 16 bytes, the heads, and for each step and four vectors which bytes each lane picks, and the weights
 * (backends/c/packing, "windows"). */
#ifndef LISSOM_SPARSE_ROW_H
#define LISSOM_SPARSE_ROW_H

#include "lissom_load_four.h"

#define WINDOW 64
#define CHANNELS (LISSOM_VECTORS * LISSOM_LANES)

/* All steps of some channels. Returns what is behind their entries. */
LISSOM_INLINE const uint8_t *steps(row_sum *acc, const uint8_t *x, const uint8_t *begins, const uint8_t *w, int32_t count)
{
    for (; count > 0; --count, begins += 2) {
        uint16_t begin;
        memcpy(&begin, begins, 2);
        const uint8x16x4_t window = vld1q_u8_x4(x + begin);
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; v += 4) {
            int8x16_t which[4];
            int8x16_t weights[4];
            uint8x16_t picked[4];
            w = lissom_load_up_to_four(which, w, 4);
            LISSOM_UNROLL
            for (int32_t i = 0; i < 4; ++i) {
                picked[i] = vqtbl4q_u8(window, vreinterpretq_u8_s8(which[i]));
            }
            w = lissom_load_up_to_four(weights, w, 4);
            LISSOM_UNROLL
            for (int32_t i = 0; i < 4; ++i) {
                acc[v + i] = row_step(acc[v + i], vreinterpretq_s8_u8(picked[i]), weights[i]);
            }
        }
    }
    return w;
}

static inline void multiply(const row_params *q, const uint8_t *x, const uint8_t *w, uint8_t *y, void *scratch)
{
    const int32_t outputs = q->conv.out_channels;
    const int32_t bytes = q->conv.in_channels * ROW_ELEMENT;
    const int32_t rows = q->conv.batch * q->conv.out[2];
    uint8_t *const whole = scratch; /* one row, and zeros */
    memset(whole + bytes, 0, (size_t)(lissom_larger(WINDOW, (bytes + 3) / 4 * 4) - bytes));
    for (int32_t row = 0; row < rows; ++row) {
        memcpy(whole, x + row * q->conv.x_pixel * ROW_ELEMENT, (size_t)bytes);
        const uint8_t *at = w;
        for (int32_t o = 0; o < outputs; o += CHANNELS) {
            int32_t count;
            memcpy(&count, at, 4);
            const uint8_t *const head = at + 16 + (2 * count + 15) / 16 * 16;
            row_sum acc[LISSOM_VECTORS];
            LISSOM_UNROLL
            for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
                acc[v] = row_load(head + v * 16);
            }
            at = steps(acc, whole, at + 16, head + ROW_HEAD * CHANNELS * 4, count);
            row_finish(q, acc, head, y + (row * q->conv.y_pixel + o) * ROW_ELEMENT, lissom_smaller(CHANNELS, outputs - o));
        }
    }
}

#endif
