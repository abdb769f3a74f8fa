#include "lissom_binary.h"

LISSOM_BINARY(lissom_equal_i8, int8_t, uint8_t, u == v)
