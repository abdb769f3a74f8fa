#include "lissom_binary.h"

LISSOM_BINARY(lissom_max_u8, uint8_t, uint8_t, u > v ? u : v)
