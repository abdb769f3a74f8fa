/* Convolution of floats by tiles. A panel begins with the biases of its channels. */
#include "lissom_conv.h"

typedef lissom_conv_params tile_params;
typedef lissom_vf tile_sum;
#define TILE_ELEMENT 4
#define TILE_READ 4
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

/* The results of one vector. */
static inline void finish_one(const tile_params *p, lissom_vf value, const uint8_t *skip, uint8_t *y, int32_t n)
{
    const lissom_vf sum = skip ? lissom_vf_add(value, lissom_vf_load_n((const void *)skip, n)) : value;
    lissom_vf_store_n((void *)y, lissom_vf_min(lissom_vf_max(sum, lissom_vf_set(p->low)), lissom_vf_set(p->high)), n);
}

static inline void tile_finish(const tile_params *p, const uint8_t *panel, const tile_sum (*acc)[LISSOM_VECTORS],
                               const uint8_t *skip, uint8_t *y, int32_t step, int32_t channels)
{
    (void)panel;
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            const int32_t n = lissom_smaller(channels - v * LISSOM_LANES, LISSOM_LANES);
            if (n <= 0) {
                break;
            }
            const int32_t at = m * step + v * LISSOM_LANES * 4;
            finish_one(p, acc[m][v], skip ? skip + at : NULL, y + at, n);
        }
    }
}

#ifdef LISSOM_WHOLE_TILES
static inline void tile_whole(const tile_params *p, const uint8_t *panel, tile_sum (*acc)[LISSOM_VECTORS],
                              const uint8_t *skip, uint8_t *y, int32_t step)
{
    (void)panel;
    LISSOM_UNROLL
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            const int32_t at = m * step + v * LISSOM_LANES * 4;
            finish_one(p, acc[m][v], skip ? skip + at : NULL, y + at, LISSOM_LANES);
        }
    }
}
#endif

#include "lissom_conv_tile.h"

void LISSOM_KERNEL(const lissom_conv_params *p, const float *x, const float *w, const float *b, const float *skip,
                   float *y, void *scratch)
{
    (void)b;
    convolve(p, (const void *)x, (const void *)w, (const void *)skip, (void *)y, scratch);
}

LISSOM_LEVEL_END
