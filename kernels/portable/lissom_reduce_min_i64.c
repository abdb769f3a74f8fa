#include "lissom_reduce.h"

LISSOM_REDUCE(lissom_reduce_min_i64, int64_t, int64_t, INT64_MAX, v < acc ? v : acc, acc)
