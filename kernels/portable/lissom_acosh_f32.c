#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_acosh_f32, float, acoshf(v))
