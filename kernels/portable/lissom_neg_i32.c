#include "lissom_unary.h"

LISSOM_UNARY(lissom_neg_i32, int32_t, (int32_t)(0U - (uint32_t)v))
