/* Convolution of floats by tiles in registers. A panel begins with the biases of its channels (backends/c/packing,
 * "panels"). */
#include "lissom_conv.h"

typedef lissom_conv_params tile_params;
typedef lissom_vf tile_sum;
#define TILE_ELEMENT 4
#define TILE_READ 4
#define TILE_HEAD 4
#define TILE_CONV(p) (p)
#define TILE_PAD(p) 0
#define CHANNELS (LISSOM_VECTORS * LISSOM_LANES)
#define TILE_RUN(length) (length)
#define TILE_COPIES(length) 0

static inline tile_sum tile_load(const uint8_t *p) { return lissom_vf_load(p); }

#include "lissom_weights.h"

#define LISSOM_FLOATS
#include "lissom_dot_sums.h"

#include "lissom_register_tile.h"

LISSOM_INLINE void results(const tile_params *p, const uint8_t *panel, tile_sum (*acc)[LISSOM_VECTORS], const uint8_t *skip,
                           uint8_t *y, int32_t step, int32_t channels)
{
    const lissom_vf low = lissom_vf_set(p->low);
    const lissom_vf high = lissom_vf_set(p->high);
    (void)panel;
    LISSOM_UNROLL
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            const int32_t n = LISSOM_STEP && LISSOM_WHOLE ? LISSOM_LANES : lissom_smaller(channels - v * LISSOM_LANES, LISSOM_LANES);
            const int32_t at = m * step + v * LISSOM_LANES * 4;
            if (n > 0) {
                const lissom_vf sum = skip ? lissom_vf_add(acc[m][v], lissom_vf_load_n((const void *)(skip + at), n)) : acc[m][v];
                lissom_vf_store_n((void *)(y + at), lissom_vf_min(lissom_vf_max(sum, low), high), n);
            }
        }
    }
}

void LISSOM_KERNEL(const lissom_conv_params *p, const float *x, const float *w, const float *b, const float *skip,
                   float *y, void *scratch)
{
    (void)b;
    convolve(p, (const void *)x, (const void *)w, (const void *)skip, (void *)y, scratch);
}

LISSOM_LEVEL_END
