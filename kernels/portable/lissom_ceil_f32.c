#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_ceil_f32, float, ceilf(v))
