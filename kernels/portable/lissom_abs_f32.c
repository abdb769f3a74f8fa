#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_abs_f32, float, fabsf(v))
