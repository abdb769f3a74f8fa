/* Convolution of bytes by tiles in registers. A panel begins with the biases of its channels (less what the zero point of x
 * adds) and their multipliers (backends/c/packing, "blocks"). */
#include "lissom_conv.h"
#include "lissom_finish_q8.h"

typedef lissom_conv_q8_params tile_params;
typedef lissom_vi tile_sum;
#define TILE_ELEMENT 1
#define TILE_READ 1
#define TILE_HEAD 8
#define TILE_CONV(q) (&(q)->conv)
#define TILE_PAD(q) ((q)->x.zero ^ 0x80)
#define CHANNELS (LISSOM_VECTORS * LISSOM_LANES)
#define TILE_RUN(length) (((length) + TILE_DEPTH - 1) / TILE_DEPTH * TILE_DEPTH)
#define TILE_COPIES(length) ((length) % 4 != 0)

static inline tile_sum tile_load(const uint8_t *p) { return lissom_vi_load(p); }

#include "lissom_weights.h"

#include "lissom_tile_sums.h"

#include "lissom_register_tile.h"

#include "lissom_finish_q8_tile.h"

LISSOM_INLINE void results(const tile_params *q, const uint8_t *panel, tile_sum (*acc)[LISSOM_VECTORS], const uint8_t *skip,
                           uint8_t *y, int32_t step, int32_t channels)
{
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->y, skip ? &q->skip : NULL);
    lissom_finish_q8_tile(&f, panel + CHANNELS * 4, acc, skip, y, step, channels);
}

void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    (void)w_zero;
    (void)multiplier;
    (void)b;
    convolve(q, x, w, skip, y, scratch);
}

LISSOM_LEVEL_END
