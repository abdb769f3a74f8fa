#include "lissom_math.h"
#include "lissom_unary.h"

LISSOM_UNARY(lissom_mish_f32, float, lissom_mish(v))
