#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_erf_f32, float, erff(v))
