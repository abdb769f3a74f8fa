#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_acos_f32, float, acosf(v))
