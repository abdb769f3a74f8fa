#include "lissom_pool.h"

void lissom_average_pool_q8(const lissom_pool_q8_params *q, const uint8_t *x, uint8_t *y)
{
    const lissom_pool_params *const p = &q->pool;
    LISSOM_POOL(p, x, uint8_t, int32_t sum = 0, sum += lissom_centred(v, q->x.flip, q->x.zero),
                *y++ = lissom_requantize(sum, q->x_scale / (q->y_scale * (float)count), &q->y))
}
