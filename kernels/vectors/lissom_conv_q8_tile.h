/* Convolution of bytes by tiles: uint8 activations, int8 weights; both in words where a level has no dot product of
 * bytes. A panel begins with the biases (less what the zero
 * point of x adds) and the multipliers of its channels. */
#include "lissom_conv.h"
#include "lissom_finish_q8_tile.h"

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

static inline void tile_finish(const tile_params *q, const uint8_t *panel, const tile_sum (*acc)[LISSOM_VECTORS],
                               const uint8_t *skip, uint8_t *y, int32_t step, int32_t channels)
{
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->y, skip ? &q->skip : NULL);
    lissom_finish_q8_tile(&f, panel + LISSOM_VECTORS * LISSOM_LANES * 4, acc, skip, y, step, channels);
}

#ifdef LISSOM_WHOLE_TILES
static inline void tile_whole(const tile_params *q, const uint8_t *panel, tile_sum (*acc)[LISSOM_VECTORS],
                              const uint8_t *skip, uint8_t *y, int32_t step)
{
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->y, skip ? &q->skip : NULL);
    lissom_finish_q8_whole(&f, panel + LISSOM_VECTORS * LISSOM_LANES * 4, acc, skip, y, step);
}
#endif

#include "lissom_conv_tile.h"
#ifdef LISSOM_PATCHES
#include "lissom_patches.h"
#define convolve convolve_patches
#endif

void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    (void)w_zero;
    (void)multiplier;
    (void)b;
    convolve(q, x, w, skip, y, scratch);
}

LISSOM_LEVEL_END
