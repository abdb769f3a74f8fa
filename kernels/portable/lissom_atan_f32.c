#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_atan_f32, float, atanf(v))
