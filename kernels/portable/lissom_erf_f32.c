#include "lissom_math.h"
#include "lissom_unary.h"

LISSOM_UNARY(lissom_erf_f32, float, lissom_erf(v))
