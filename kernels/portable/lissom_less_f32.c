#include "lissom_binary.h"

LISSOM_BINARY(lissom_less_f32, float, uint8_t, u < v)
