#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_exp_f32, float, expf(v))
