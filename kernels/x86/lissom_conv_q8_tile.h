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

static inline void tile_finish(const tile_params *q, const uint8_t *panel, const tile_sum *acc, const uint8_t *skip,
                               uint8_t *y, int32_t channels)
{
    const uint8_t *const multipliers = panel + LISSOM_VECTORS * LISSOM_LANES * 4;
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
        const int32_t left = channels - v * LISSOM_LANES;
        if (left <= 0) {
            break;
        }
        const int32_t n = left < LISSOM_LANES ? left : LISSOM_LANES;
        const lissom_vf scaled = lissom_vf_mul(lissom_vf_of(acc[v]), lissom_vf_load(multipliers + v * LISSOM_LANES * 4));
        const lissom_vf bounded = lissom_vf_min(lissom_vf_max(scaled, lissom_vf_set(q->y.low)), lissom_vf_set(q->y.high));
        lissom_vi value = lissom_vi_round(bounded);
        int32_t zero = q->y.zero;
        if (skip) {
            const lissom_q8_residual *const add = &q->skip;
            const lissom_vi other = lissom_vi_sub(lissom_vi_bytes(skip + v * LISSOM_LANES, n), lissom_vi_set(add->zero));
            const lissom_vf sum = lissom_vf_add(lissom_vf_mul(lissom_vf_of(value), lissom_vf_set(add->ratio)),
                                                lissom_vf_mul(lissom_vf_of(other), lissom_vf_set(add->skip_ratio)));
            value = lissom_vi_round(
                lissom_vf_min(lissom_vf_max(sum, lissom_vf_set(add->y.low)), lissom_vf_set(add->y.high)));
            zero = add->y.zero;
        }
        lissom_vi_store_bytes(y + v * LISSOM_LANES, lissom_vi_add(value, lissom_vi_set(zero)), n);
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
