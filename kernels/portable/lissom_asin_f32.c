#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_asin_f32, float, asinf(v))
