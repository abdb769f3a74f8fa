#include <math.h>

#include "lissom_reduce.h"

LISSOM_REDUCE(lissom_reduce_min_f32, float, float, INFINITY, v < acc || v != v ? v : acc, acc)
