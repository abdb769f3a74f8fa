#include "lissom_reduce.h"

LISSOM_REDUCE(lissom_reduce_max_i64, int64_t, int64_t, INT64_MIN, v > acc ? v : acc, acc)
