/* Depthwise convolution of bytes: uint8 activations, int8 weights. A zipped column serves every output column that it is
 * under.
 *
 * w holds for each block of 4 * LISSOM_LANES channels, vector by vector, the biases (less what the zero point of x adds),
 * the multipliers, and for each column of the kernel and each four of its rows the weights, LISSOM_DOT_BYTES a weight
 * (backends/c/packing, "depthwise"). */
#include "lissom_conv.h"
#include "lissom_zipped_rows.h"

typedef rows_context walk_context;
typedef lissom_conv_q8_params walk_params;
#define WALK_ELEMENT 1
#define WALK_CONV(q) (&(q)->conv)
#define WALK_PAD(q) ((q)->x.zero)
#define WALK_PANEL BLOCK_PANEL

#include "lissom_depthwise.h"

static inline walk_context walk_begin(const walk_params *q, int32_t adds)
{
    return rows_begin(&q->y, adds ? &q->skip : NULL);
}

static inline void walk_tile(const walk_context *context, const uint8_t *const *at, int32_t offset, const uint8_t *panel,
                             const uint8_t *skip, int32_t skip_step, uint8_t *y, int32_t y_step, int32_t n)
{
    lissom_vi acc[LISSOM_COLUMNS][4];
    const uint8_t *w = panel + 8 * VECTOR;
    LISSOM_UNROLL
    for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
        LISSOM_UNROLL
        for (int32_t i = 0; i < 4; ++i) {
            acc[t][i] = lissom_vi_load(panel + i * VECTOR);
        }
    }
    WALK_UNROLL
    for (int32_t j = 0; j < WALK_SPAN; j += WALK_STEP) {
        LISSOM_FORGET(w); /* each is read where it is needed */
        WALK_UNROLL
        for (int32_t g = 0; g < FOURS; ++g) {
            lissom_vi four[4];
            zipped(context, at + j * LISSOM_HEIGHT, g, offset, four);
            LISSOM_UNROLL
            for (int32_t i = 0; i < 4; ++i) {
                lissom_vi x[2];
                dot_split(four[i], x);
                LISSOM_UNROLL
                for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
                    if (WALK_MEETS(j, t)) {
                        const int32_t tap = (WALK_TAP(j, t) * FOURS + g) * 4 + i;
                        acc[t][i] = dot(acc[t][i], x, w + tap * VECTOR * LISSOM_DOT_BYTES);
                    }
                }
            }
        }
    }
    LISSOM_UNROLL
    for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
        if (skip) {
            lissom_vi sums[4]; /* a copy, so that the sums themselves have no address */
            memcpy(sums, acc[t], sizeof sums);
            finish_skip(context, sums, panel + 4 * VECTOR, skip + t * skip_step, y + t * y_step, n);
        } else {
            finish(context, acc[t], panel + 4 * VECTOR, y + t * y_step, n);
        }
    }
}

void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    (void)w_zero;
    (void)multiplier;
    (void)b;
    walk(q, x, w, skip, y, scratch);
}

LISSOM_LEVEL_END
