#include "lissom_math.h"
#include "lissom_unary.h"

LISSOM_UNARY(lissom_gelu_f32, float, 0.5f * v * (1.0f + lissom_erf(v * 0.70710678f)))
