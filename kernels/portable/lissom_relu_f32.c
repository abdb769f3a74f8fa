#include "lissom_unary.h"

LISSOM_UNARY(lissom_relu_f32, float, v < 0.0f ? 0.0f : v)
