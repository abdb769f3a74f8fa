#include "lissom_binary.h"

LISSOM_BINARY(lissom_greater_or_equal_f32, float, uint8_t, u >= v)
