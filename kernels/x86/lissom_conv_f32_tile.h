/* Convolution of floats by tiles. A panel begins with the biases of its channels. */
#include "lissom_conv.h"

typedef lissom_conv_params tile_params;
typedef lissom_vf tile_sum;
#define TILE_ELEMENT 4
#define TILE_HEAD 4
#define TILE_CONV(p) (p)
#define TILE_PAD(p) 0

static inline tile_sum tile_start(const uint8_t *panel, int32_t v) { return lissom_vf_load(panel + v * LISSOM_LANES * 4); }
static inline tile_sum tile_load(const uint8_t *w) { return lissom_vf_load(w); }
static inline tile_sum tile_group(const uint8_t *x)
{
    float v;
    memcpy(&v, x, 4);
    return lissom_vf_set(v);
}
static inline tile_sum tile_few(const uint8_t *x, int32_t n) { return n ? tile_group(x) : lissom_vf_set(0.0f); }
static inline tile_sum tile_dot(tile_sum acc, tile_sum x, tile_sum w) { return lissom_vf_fma(x, w, acc); }

static inline void tile_finish(const tile_params *p, const uint8_t *panel, const tile_sum *acc, const uint8_t *skip,
                               uint8_t *y, int32_t channels)
{
    (void)panel;
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
        const int32_t left = channels - v * LISSOM_LANES;
        if (left <= 0) {
            break;
        }
        const int32_t n = left < LISSOM_LANES ? left : LISSOM_LANES;
        const int32_t at = v * LISSOM_LANES * 4;
        lissom_vf value = acc[v];
        if (skip) {
            value = lissom_vf_add(value, lissom_vf_load_n((const void *)(skip + at), n));
        }
        value = lissom_vf_min(lissom_vf_max(value, lissom_vf_set(p->low)), lissom_vf_set(p->high));
        lissom_vf_store_n((void *)(y + at), value, n);
    }
}

#include "lissom_conv_tile.h"

void LISSOM_KERNEL(const lissom_conv_params *p, const float *x, const float *w, const float *b, const float *skip,
                   float *y, void *scratch)
{
    (void)b;
    convolve(p, (const void *)x, (const void *)w, (const void *)skip, (void *)y, scratch);
}

LISSOM_LEVEL_END
