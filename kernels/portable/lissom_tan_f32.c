#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_tan_f32, float, tanf(v))
