#include <math.h>

#include "lissom_reduce.h"

/* `acc.sum` counts in units of exp(acc.top), so nothing overflows. */
typedef struct {
    float top;
    float sum;
} scaled;

static scaled more(scaled acc, float v)
{
    const float top = v > acc.top ? v : acc.top;
    const float before = acc.sum > 0.0f ? acc.sum * expf(acc.top - top) : 0.0f;
    const scaled next = {top, before + (v < top ? expf(v - top) : 1.0f)};
    return next;
}

static const scaled empty = {-INFINITY, 0.0f};

LISSOM_REDUCE(lissom_reduce_log_sum_exp_f32, float, scaled, empty, more(acc, v), acc.top + logf(acc.sum))
