#include "lissom_unary.h"

LISSOM_UNARY(lissom_hard_swish_f32, float, v * lissom_between(0.0f, v / 6.0f + 0.5f, 1.0f))
