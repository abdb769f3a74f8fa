#include "lissom_binary.h"

LISSOM_BINARY(lissom_xor, uint8_t, uint8_t, (u != 0) != (v != 0))
