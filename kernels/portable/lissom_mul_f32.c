#include "lissom_binary.h"

LISSOM_BINARY(lissom_mul_f32, float, float, u * v)
