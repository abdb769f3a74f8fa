#include "lissom_pool.h"

void lissom_max_pool_u8(const lissom_pool_params *p, const uint8_t *x, uint8_t *y)
{
    LISSOM_POOL(p, x, uint8_t, uint8_t best = 0, best = v > best ? v : best, *y++ = best; (void)count)
}
