#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_swish_f32, float, v / (1.0f + expf(-alpha * v)))
