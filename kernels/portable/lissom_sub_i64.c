#include "lissom_binary.h"

LISSOM_BINARY(lissom_sub_i64, int64_t, int64_t, (int64_t)((uint64_t)u - (uint64_t)v))
