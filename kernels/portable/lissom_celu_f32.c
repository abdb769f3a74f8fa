#include "lissom_math.h"
#include "lissom_unary.h"

LISSOM_UNARY(lissom_celu_f32, float, v < 0.0f ? alpha * lissom_expm1(v / alpha) : v)
