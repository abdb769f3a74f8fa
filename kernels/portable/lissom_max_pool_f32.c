#include <math.h>

#include "lissom_pool.h"

void lissom_max_pool_f32(const lissom_pool_params *p, const float *x, float *y)
{
    LISSOM_POOL(p, x, float, float best = -INFINITY, best = v > best || v != v ? v : best, *y++ = best; (void)count)
}
