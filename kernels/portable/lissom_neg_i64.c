#include "lissom_unary.h"

LISSOM_UNARY(lissom_neg_i64, int64_t, (int64_t)(0U - (uint64_t)v))
