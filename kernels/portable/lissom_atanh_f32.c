#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_atanh_f32, float, atanhf(v))
