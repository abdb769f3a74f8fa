#include "lissom_math.h"
#include "lissom_unary.h"

LISSOM_UNARY(lissom_selu_f32, float, v < 0.0f ? beta * (alpha * lissom_expm1(v)) : beta * v)
