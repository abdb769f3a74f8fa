#include "lissom_math.h"
#include "lissom_unary.h"

LISSOM_UNARY(lissom_swish_f32, float, v * lissom_sigmoid(alpha * v))
