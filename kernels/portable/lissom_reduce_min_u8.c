#include "lissom_reduce.h"

LISSOM_REDUCE(lissom_reduce_min_u8, uint8_t, uint8_t, UINT8_MAX, v < acc ? v : acc, acc)
