#include "lissom_resample.h"

LISSOM_CUMSUM(lissom_cumsum_i64, int64_t, (int64_t)((uint64_t)sum + (uint64_t)v))
