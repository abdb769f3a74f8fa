/* Convolution of bytes by tiles: uint8 activations, int8 weights. A panel begins with the biases (less what the zero
 * point of x adds) and the multipliers of its channels. */
#include "lissom_conv.h"

typedef lissom_conv_q8_params tile_params;
typedef lissom_vi tile_sum;
#define TILE_ELEMENT 1
#define TILE_HEAD 8
#define TILE_CONV(q) (&(q)->conv)
#define TILE_PAD(q) ((q)->x.zero)

static inline tile_sum tile_start(const uint8_t *panel, int32_t v) { return lissom_vi_load(panel + v * LISSOM_LANES * 4); }
static inline tile_sum tile_load(const uint8_t *w) { return lissom_vi_load(w); }
static inline tile_sum tile_group(const uint8_t *x) { return lissom_vi_four(x); }
static inline tile_sum tile_few(const uint8_t *x, int32_t n) { return lissom_vi_few(x, n); }
static inline tile_sum tile_dot(tile_sum acc, tile_sum x, tile_sum w) { return lissom_vi_dot(acc, x, w); }

static inline void tile_finish(const tile_params *q, const uint8_t *panel, tile_sum (*acc)[LISSOM_VECTORS],
                                    const uint8_t *skip, uint8_t *y, int32_t step, int32_t channels)
{
    const lissom_vf *const multipliers = (const lissom_vf *)(const void *)(panel + LISSOM_VECTORS * LISSOM_LANES * 4);
    const lissom_vf low = lissom_vf_set(q->y.low);
    const lissom_vf high = lissom_vf_set(q->y.high);
    const lissom_vi zero = lissom_vi_set(skip ? q->skip.y.zero : q->y.zero);
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
        const int32_t left = channels - v * LISSOM_LANES;
        if (left <= 0) {
            break;
        }
        const int32_t n = left < LISSOM_LANES ? left : LISSOM_LANES;
        const lissom_vf multiplier = lissom_vf_load(&multipliers[v]);
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            const lissom_vf scaled = lissom_vf_mul(lissom_vf_of(acc[m][v]), multiplier);
            lissom_vi value = lissom_vi_round(lissom_vf_min(lissom_vf_max(scaled, low), high));
            if (skip) {
                const lissom_vi other = lissom_vi_bytes(skip + m * step + v * LISSOM_LANES, n);
                const lissom_vf centred = lissom_vf_of(lissom_vi_sub(other, lissom_vi_set(q->skip.zero)));
                const lissom_vf sum =
                    lissom_vf_add(lissom_vf_mul(lissom_vf_of(value), lissom_vf_set(q->skip.ratio)),
                                  lissom_vf_mul(centred, lissom_vf_set(q->skip.skip_ratio)));
                value = lissom_vi_round(
                    lissom_vf_min(lissom_vf_max(sum, lissom_vf_set(q->skip.y.low)), lissom_vf_set(q->skip.y.high)));
            }
            lissom_vi_store_bytes(y + m * step + v * LISSOM_LANES, lissom_vi_add(value, zero), n);
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
