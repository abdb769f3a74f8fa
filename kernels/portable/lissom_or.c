#include "lissom_binary.h"

LISSOM_BINARY(lissom_or, uint8_t, uint8_t, u || v)
