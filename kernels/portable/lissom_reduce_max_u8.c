#include "lissom_reduce.h"

LISSOM_REDUCE(lissom_reduce_max_u8, uint8_t, uint8_t, 0, v > acc ? v : acc, acc)
