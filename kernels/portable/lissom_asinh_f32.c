#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_asinh_f32, float, asinhf(v))
