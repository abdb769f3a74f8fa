#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_floor_f32, float, floorf(v))
