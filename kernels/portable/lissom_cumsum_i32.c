#include "lissom_resample.h"

LISSOM_CUMSUM(lissom_cumsum_i32, int32_t, (int32_t)((uint32_t)sum + (uint32_t)v))
