/* A sparse matrix times vectors: fully connected layers on few rows. A lane is an output channel. x is taken in parts that
 * fit in REGISTERS; in each step every lane picks its next four bytes of the part, whichever they are, and meets what it has
 * of weights for them. A channel with fewer entries in a part than others of its vector has zeros. What bytes and floats do
 * differently is defined before this is included:
 *
 *     row_params  ROW_ELEMENT  row_sum  the parameter struct, bytes of an element of x and y, a vector of sums
 *     ROW_HEADS                         numbers that a channel has besides its entries: its bias first
 *     ROW_WEIGHTS                       bytes of weights of a step
 *     row_start row_step row_add        sums that begin with what is at an address; with a step; of two
 *     row_finish                        from sums to results, with what each channel has behind its bias
 *
 * w holds for each vector of output channels and each part a byte, how many steps, the whole padded to BYTES; each number
 * of all channels; then for each vector of output channels and each part what the lanes pick, a byte a lane and four steps
 * a vector, and the weights of each step (backends/c/packing, "sparse_rows"). */
#ifndef LISSOM_SPARSE_ROW_H
#define LISSOM_SPARSE_ROW_H

#include "lissom_pick.h"

#define SUMS 4
#define REGISTERS LISSOM_PICKED

#if LISSOM_LANES == 16
#define NEXT(which) _mm512_srli_epi32(which, 8)
#else
#define NEXT(which) _mm256_srli_epi32(which, 8)
#endif

/* `steps` <= 4 of them, each into a sum of its own. */
static inline void four_steps(row_sum *acc, const lissom_vi *part, lissom_vi which, const uint8_t *w, const int32_t steps)
{
    LISSOM_UNROLL
    for (int32_t s = 0; s < steps; ++s) {
        acc[s] = row_step(acc[s], lissom_pick(part, which, REGISTERS), w + s * ROW_WEIGHTS);
        which = NEXT(which);
    }
}

static inline void multiply(const row_params *q, const uint8_t *x, const uint8_t *w, uint8_t *y, void *scratch)
{
    const int32_t outputs = q->conv.out_channels;
    const int32_t bytes = q->conv.in_channels * ROW_ELEMENT;
    const int32_t rows = q->conv.batch * q->conv.out[2];
    const int32_t parts = (bytes + REGISTERS * BYTES - 1) / (REGISTERS * BYTES);
    const int32_t vectors = (outputs + LISSOM_LANES - 1) / LISSOM_LANES;
    uint8_t *const whole = scratch; /* one row, and zeros */
    memset(whole, 0, (size_t)(parts * REGISTERS * BYTES));
    for (int32_t row = 0; row < rows; ++row) {
        memcpy(whole, x + row * q->conv.x_pixel * ROW_ELEMENT, (size_t)bytes);
        const uint8_t *counts = w;
        const uint8_t *const heads = w + (vectors * parts + BYTES - 1) / BYTES * BYTES;
        const uint8_t *at = heads + ROW_HEADS * vectors * BYTES;
        for (int32_t v = 0; v < vectors; ++v) {
            row_sum acc[SUMS];
            LISSOM_UNROLL
            for (int32_t s = 0; s < SUMS; ++s) {
                acc[s] = row_start(s == 0 ? heads + v * BYTES : NULL);
            }
            for (int32_t i = 0; i < parts; ++i) {
                lissom_vi part[REGISTERS];
                LISSOM_UNROLL
                for (int32_t k = 0; k < REGISTERS; ++k) {
                    part[k] = lissom_vi_load(whole + (i * REGISTERS + k) * BYTES);
                }
                const int32_t steps = *counts++;
                const uint8_t *which = at;
                at += (steps + 3) / 4 * BYTES;
                for (int32_t left = steps / 4; left > 0; --left) {
                    four_steps(acc, part, lissom_vi_load(which), at, 4);
                    which += BYTES;
                    at += 4 * ROW_WEIGHTS;
                }
                if (steps & 2) {
                    if (steps & 1) {
                        four_steps(acc, part, lissom_vi_load(which), at, 3);
                    } else {
                        four_steps(acc, part, lissom_vi_load(which), at, 2);
                    }
                } else if (steps & 1) {
                    four_steps(acc, part, lissom_vi_load(which), at, 1);
                }
                at += (steps & 3) * ROW_WEIGHTS;
            }
            row_finish(q, row_add(row_add(acc[0], acc[1]), row_add(acc[2], acc[3])), heads + (vectors + v) * BYTES,
                       y + (row * q->conv.y_pixel + v * LISSOM_LANES) * ROW_ELEMENT,
                       lissom_smaller(LISSOM_LANES, outputs - v * LISSOM_LANES));
        }
    }
}

#endif
