#include "lissom_unary.h"

LISSOM_UNARY(lissom_abs_i32, int32_t, v < 0 ? (int32_t)(0U - (uint32_t)v) : v)
