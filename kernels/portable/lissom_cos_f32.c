#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_cos_f32, float, cosf(v))
