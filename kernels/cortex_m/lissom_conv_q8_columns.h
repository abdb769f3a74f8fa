/* Convolutions of bytes, channels last: the columns of LISSOM_PIXELS pixels, then all output channels of these. Weights
 * are packed as "columns" (backends/c/packing/cortex_m4.py). */
#include "lissom_columns_sums.h"
#include "lissom_columns_walk.h"

void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    const lissom_addition sum = {0, -q->y.zero, 128 - q->skip.zero, q->skip.y.zero, q->skip.ratio, q->skip.skip_ratio};
    (void)w_zero; /* 0 */
    (void)multiplier;
    (void)b;
    walk(&q->conv, q->x.zero - 128, q->y.zero, x, w, skip != NULL, &sum, skip, y, scratch);
}

LISSOM_LEVEL_END
