#include "lissom_unary.h"

LISSOM_UNARY(lissom_reciprocal_f32, float, 1.0f / v)
