#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_celu_f32, float, v < 0.0f ? alpha * expm1f(v / alpha) : v)
