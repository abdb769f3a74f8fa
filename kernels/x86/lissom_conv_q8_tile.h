/* Convolution of bytes by tiles: uint8 activations, int8 weights; both in words where a level has no dot product of
 * bytes. A panel begins with the biases (less what the zero
 * point of x adds) and the multipliers of its channels. */
#include "lissom_conv.h"
#include "lissom_finish_q8.h"

typedef lissom_conv_q8_params tile_params;
typedef lissom_vi tile_sum;
#define TILE_ELEMENT 1
#define TILE_READ LISSOM_DOT_BYTES
#define TILE_HEAD 8
#define TILE_CONV(q) (&(q)->conv)
#define TILE_PAD(q) ((q)->x.zero)

static inline tile_sum tile_start(const uint8_t *panel, int32_t v) { return lissom_vi_load(panel + v * LISSOM_LANES * 4); }
static inline tile_sum tile_load(const uint8_t *w) { return lissom_vi_load(w); }
static inline tile_sum tile_group(const uint8_t *x) { return lissom_vi_four(x); }
static inline tile_sum tile_few(const uint8_t *x, int32_t n) { return lissom_vi_few(x, n); }
static inline tile_sum tile_dot(tile_sum acc, tile_sum x, tile_sum w) { return lissom_vi_dot(acc, x, w); }

#if TILE_READ == 2
static inline void tile_widen(uint8_t *to, const uint8_t *x, size_t n) { lissom_widen(to, x, n); }
#endif

#define ROWS_AT_ONCE (LISSOM_VECTORS == 1 ? 4 : LISSOM_VECTORS == 2 ? 2 : 1)

static inline void tile_finish(const tile_params *q, const uint8_t *panel, const tile_sum (*acc)[LISSOM_VECTORS],
                               const uint8_t *skip, uint8_t *y, int32_t step, int32_t channels)
{
    const uint8_t *const multipliers = panel + LISSOM_VECTORS * LISSOM_LANES * 4;
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->y, skip ? &q->skip : NULL);
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
                values[i] = lissom_finish_q8_round(&f, acc[m][v], multiplier, other, n);
            }
            lissom_finish_q8_pack(&f, values, bytes);
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

#include "lissom_conv_tile.h"

void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    (void)w_zero;
    (void)multiplier;
    (void)b;
    convolve(q, x, w, skip, y, scratch);
}

LISSOM_LEVEL_END
