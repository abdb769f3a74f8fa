#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_sigmoid_f32, float, 1.0f / (1.0f + expf(-v)))
