#include "lissom_binary.h"

/* C leaves a division by 0 and by -1 of the smallest value undefined: here 0, and wrapping. */
LISSOM_BINARY(lissom_div_i64, int64_t, int64_t, v == 0 ? 0 : v == -1 ? (int64_t)(0U - (uint64_t)u) : u / v)
