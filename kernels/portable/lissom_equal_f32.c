#include "lissom_binary.h"

LISSOM_BINARY(lissom_equal_f32, float, uint8_t, !(u < v) && !(u > v) && u == u && v == v)
