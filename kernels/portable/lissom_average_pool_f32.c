#include "lissom_pool.h"

void lissom_average_pool_f32(const lissom_pool_params *p, const float *x, float *y)
{
    LISSOM_POOL(p, x, float, float sum = 0.0f, sum += v, *y++ = sum / (float)count)
}
