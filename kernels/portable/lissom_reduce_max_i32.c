#include "lissom_reduce.h"

LISSOM_REDUCE(lissom_reduce_max_i32, int32_t, int32_t, INT32_MIN, v > acc ? v : acc, acc)
