#include "lissom_binary.h"

/* C leaves a division by 0 and by -1 of the smallest value undefined: here 0, and wrapping. */
LISSOM_BINARY(lissom_div_i32, int32_t, int32_t, v == 0 ? 0 : v == -1 ? (int32_t)(0U - (uint32_t)u) : u / v)
