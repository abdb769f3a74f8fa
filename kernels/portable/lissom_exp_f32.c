#include "lissom_math.h"
#include "lissom_unary.h"

LISSOM_UNARY(lissom_exp_f32, float, lissom_exp(v))
