#include "lissom_reduce.h"

LISSOM_REDUCE(lissom_reduce_prod_i32, int32_t, uint32_t, 1, acc * (uint32_t)v, (int32_t)acc)
