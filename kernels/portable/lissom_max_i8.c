#include "lissom_binary.h"

LISSOM_BINARY(lissom_max_i8, int8_t, int8_t, u > v ? u : v)
