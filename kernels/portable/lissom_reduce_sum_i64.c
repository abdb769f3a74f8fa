#include "lissom_reduce.h"

LISSOM_REDUCE(lissom_reduce_sum_i64, int64_t, uint64_t, 0, acc + (uint64_t)v, (int64_t)acc)
