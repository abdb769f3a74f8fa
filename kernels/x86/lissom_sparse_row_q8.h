/* A sparse matrix of int8 times vectors of uint8: fully connected layers on few rows. A lane is an output channel. x is
 * taken in parts that fit in REGISTERS; in each step every lane picks its next four bytes of the part, whichever they
 * are, and meets its next block of weights. A channel with fewer blocks in a part than others of its vector has zeros.
 *
 * w holds for each vector of output channels and each part a byte, how many steps, the whole padded to BYTES; then for
 * each vector of output channels its biases and multipliers and, for each part, what the lanes pick, a byte a lane and four
 * steps a vector, and the weights of each step (backends/c/packing.py, "sparse_rows"). */
#include "lissom_finish_q8.h"
#include "lissom_interleave.h"
#include "lissom_sparse.h"

#define BYTES (LISSOM_LANES * 4)
#define WEIGHTS (LISSOM_DOT_BYTES * BYTES) /* of a step */
#define SUMS 4

#if LISSOM_LANES == 16
#define REGISTERS 2
#define PICK(part, which) _mm512_permutex2var_epi32((part)[0], which, (part)[1])
#define NEXT(which) _mm512_srli_epi32(which, 8)
#else
#define REGISTERS 1
#define PICK(part, which) _mm256_permutevar8x32_epi32((part)[0], which)
#define NEXT(which) _mm256_srli_epi32(which, 8)
#endif

/* `steps` <= 4 of them, each into a sum of its own. */
static inline void four_steps(lissom_vi *acc, const lissom_vi *part, lissom_vi which, const uint8_t *w, const int32_t steps)
{
    LISSOM_UNROLL
    for (int32_t s = 0; s < steps; ++s) {
        const lissom_vi four = PICK(part, which);
#if LISSOM_DOT_BYTES == 1
        acc[s] = lissom_vi_dot(acc[s], four, lissom_vi_load(w + s * WEIGHTS));
#else
        acc[s] = lissom_vi_dot(acc[s], lissom_vi_even_bytes(four), lissom_vi_load(w + s * WEIGHTS));
        acc[s] = lissom_vi_dot(acc[s], lissom_vi_odd_bytes(four), lissom_vi_load(w + s * WEIGHTS + BYTES));
#endif
        which = NEXT(which);
    }
}

void LISSOM_KERNEL(const lissom_sparse_q8_params *q, const uint8_t *x, const uint8_t *w, uint8_t *y, void *scratch)
{
    const int32_t outputs = q->conv.out_channels;
    const int32_t inputs = q->conv.in_channels;
    const int32_t rows = q->conv.batch * q->conv.out[2];
    const int32_t parts = (inputs + REGISTERS * BYTES - 1) / (REGISTERS * BYTES);
    const int32_t vectors = (outputs + LISSOM_LANES - 1) / LISSOM_LANES;
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->y, NULL);
    uint8_t *const whole = scratch; /* one row, and zeros */
    memset(whole, 0, (size_t)(parts * REGISTERS * BYTES));
    for (int32_t row = 0; row < rows; ++row) {
        memcpy(whole, x + row * q->conv.x_pixel, (size_t)inputs);
        const uint8_t *counts = w;
        const uint8_t *at = w + (vectors * parts + BYTES - 1) / BYTES * BYTES;
        for (int32_t v = 0; v < vectors; ++v) {
            lissom_vi acc[SUMS] = {lissom_vi_load(at), lissom_vi_set(0), lissom_vi_set(0), lissom_vi_set(0)};
            const lissom_vf multiplier = lissom_vf_load((const float *)(const void *)(at + BYTES));
            at += 2 * BYTES;
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
                    at += 4 * WEIGHTS;
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
                at += (steps & 3) * WEIGHTS;
            }
            acc[0] = lissom_vi_add(lissom_vi_add(acc[0], acc[1]), lissom_vi_add(acc[2], acc[3]));
            lissom_vi values[4] = {lissom_finish_q8_round(&f, acc[0], multiplier, NULL, LISSOM_LANES)};
            values[1] = values[2] = values[3] = values[0];
            uint8_t bytes[BYTES];
            lissom_finish_q8_pack(&f, values, bytes);
            memcpy(y + row * q->conv.y_pixel + v * LISSOM_LANES, bytes,
                   (size_t)lissom_smaller(LISSOM_LANES, outputs - v * LISSOM_LANES));
        }
    }
}

LISSOM_LEVEL_END
