#include "lissom_reduce.h"

LISSOM_REDUCE(lissom_reduce_min_i8, int8_t, int8_t, INT8_MAX, v < acc ? v : acc, acc)
