/* Depthwise convolution of floats. w holds for each block of LISSOM_VECTORS vectors of channels the biases, and for each
 * column and row of the kernel the weights (backends/c/packing, "depthwise"). */
#include "lissom_conv.h"

typedef struct {
    lissom_vf low;
    lissom_vf high;
} walk_context;

typedef lissom_conv_params walk_params;
#define VECTOR (LISSOM_LANES * 4)
#define WALK_ELEMENT 4
#define LISSOM_BLOCK (LISSOM_VECTORS * VECTOR)
#define WALK_CONV(p) (p)
#define WALK_PAD(p) 0
#define WALK_PANEL (LISSOM_BLOCK * (1 + LISSOM_WIDTH * LISSOM_HEIGHT))

#include "lissom_depthwise.h"

static inline walk_context walk_begin(const walk_params *p, int32_t adds)
{
    const walk_context context = {lissom_vf_set(p->low), lissom_vf_set(p->high)};
    (void)adds;
    return context;
}

static inline void walk_tile(const walk_context *context, const uint8_t *const *at, int32_t offset, const uint8_t *panel,
                             const uint8_t *skip, int32_t skip_step, uint8_t *y, int32_t y_step, int32_t bytes)
{
    lissom_vf acc[LISSOM_COLUMNS][LISSOM_VECTORS];
    const uint8_t *w = panel + LISSOM_BLOCK;
    LISSOM_UNROLL
    for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            acc[t][v] = lissom_vf_load(panel + v * VECTOR);
        }
    }
    WALK_UNROLL
    for (int32_t r = 0; r < LISSOM_HEIGHT; ++r) { /* row by row, so that only the weights of one are in registers */
        LISSOM_FORGET(w);
        WALK_UNROLL
        for (int32_t j = 0; j < WALK_SPAN; j += WALK_STEP) {
            LISSOM_UNROLL
            for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
                const lissom_vf x = lissom_vf_load(at[j * LISSOM_HEIGHT + r] + offset + v * VECTOR);
                LISSOM_UNROLL
                for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
                    if (WALK_MEETS(j, t)) {
                        const int32_t tap = (WALK_TAP(j, t) * LISSOM_HEIGHT + r) * LISSOM_VECTORS + v;
                        acc[t][v] = lissom_vf_fma(x, lissom_vf_load(w + tap * VECTOR), acc[t][v]);
                    }
                }
            }
        }
    }
    LISSOM_UNROLL
    for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            const int32_t n = lissom_smaller(bytes - v * VECTOR, VECTOR) / 4;
            if (n <= 0) {
                break;
            }
            lissom_vf value = acc[t][v];
            if (skip) {
                value = lissom_vf_add(value, lissom_vf_load_n((const void *)(skip + t * skip_step + v * VECTOR), n));
            }
            value = lissom_vf_min(lissom_vf_max(value, context->low), context->high);
            lissom_vf_store_n((void *)(y + t * y_step + v * VECTOR), value, n);
        }
    }
}

void LISSOM_KERNEL(const lissom_conv_params *p, const float *x, const float *w, const float *b, const float *skip,
                   float *y, void *scratch)
{
    (void)b;
    walk(p, (const void *)x, (const void *)w, (const void *)skip, (void *)y, scratch);
}

LISSOM_LEVEL_END
