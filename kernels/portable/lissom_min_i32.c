#include "lissom_binary.h"

LISSOM_BINARY(lissom_min_i32, int32_t, int32_t, u < v ? u : v)
