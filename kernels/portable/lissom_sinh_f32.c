#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_sinh_f32, float, sinhf(v))
