#include "lissom_binary.h"

LISSOM_BINARY(lissom_greater_or_equal_i64, int64_t, uint8_t, u >= v)
