#include "lissom_reduce.h"

LISSOM_REDUCE(lissom_reduce_prod_f32, float, float, 1.0f, acc * v, acc)
