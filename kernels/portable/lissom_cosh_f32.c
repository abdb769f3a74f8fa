#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_cosh_f32, float, coshf(v))
