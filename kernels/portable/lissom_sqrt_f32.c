#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_sqrt_f32, float, sqrtf(v))
