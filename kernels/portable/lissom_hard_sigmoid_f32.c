#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_hard_sigmoid_f32, float, fminf(1.0f, fmaxf(0.0f, alpha * v + beta)))
