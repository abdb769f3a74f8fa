#include <math.h>

#include "lissom_reduce.h"

LISSOM_REDUCE(lissom_reduce_l1_f32, float, float, 0.0f, acc + fabsf(v), acc)
