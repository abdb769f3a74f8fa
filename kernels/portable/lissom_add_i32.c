#include "lissom_binary.h"

LISSOM_BINARY(lissom_add_i32, int32_t, int32_t, (int32_t)((uint32_t)u + (uint32_t)v))
