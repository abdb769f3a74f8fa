#include "lissom_reduce.h"

LISSOM_REDUCE(lissom_reduce_max_i8, int8_t, int8_t, INT8_MIN, v > acc ? v : acc, acc)
