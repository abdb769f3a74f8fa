#include "lissom_reduce.h"

LISSOM_REDUCE(lissom_reduce_min_i32, int32_t, int32_t, INT32_MAX, v < acc ? v : acc, acc)
