#include "lissom_pool.h"

void lissom_max_pool_i8(const lissom_pool_params *p, const int8_t *x, int8_t *y)
{
    LISSOM_POOL(p, x, int8_t, int8_t best = INT8_MIN, best = v > best ? v : best, *y++ = best; (void)count)
}
