#include "lissom_unary.h"

LISSOM_UNARY(lissom_abs_i64, int64_t, v < 0 ? (int64_t)(0U - (uint64_t)v) : v)
