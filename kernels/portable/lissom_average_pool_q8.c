#include "lissom_pool.h"

/* x_scale / (y_scale * count). */
static inline lissom_real multiplier(const lissom_pool_q8_params *q, int32_t count)
{
    const lissom_real over = lissom_real_mul(lissom_real_of(q->y_scale), lissom_real_from(count));
    return lissom_real_div(lissom_real_of(q->x_scale), over);
}

void lissom_average_pool_q8(const lissom_pool_q8_params *q, const uint8_t *x, uint8_t *y)
{
    const lissom_pool_params *const p = &q->pool;
    LISSOM_POOL(p, x, uint8_t, int32_t sum = 0, sum += lissom_centred(v, q->x.flip, q->x.zero),
                *y++ = lissom_saturate(lissom_real_mul(lissom_real_from(sum), multiplier(q, count)), &q->y))
}
