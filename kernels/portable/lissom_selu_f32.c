#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_selu_f32, float, v < 0.0f ? beta * (alpha * expm1f(v)) : beta * v)
