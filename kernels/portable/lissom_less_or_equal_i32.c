#include "lissom_binary.h"

LISSOM_BINARY(lissom_less_or_equal_i32, int32_t, uint8_t, u <= v)
