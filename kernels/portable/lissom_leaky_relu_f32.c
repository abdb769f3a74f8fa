#include "lissom_unary.h"

LISSOM_UNARY(lissom_leaky_relu_f32, float, v < 0.0f ? alpha * v : v)
