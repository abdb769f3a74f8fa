#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_softplus_f32, float, v > 20.0f ? v : log1pf(expf(v)))
