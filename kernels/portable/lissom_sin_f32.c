#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_sin_f32, float, sinf(v))
