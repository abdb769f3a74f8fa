#include "lissom_math.h"
#include "lissom_unary.h"

LISSOM_UNARY(lissom_tanh_f32, float, lissom_tanh(v))
