#include "lissom_unary.h"

LISSOM_UNARY(lissom_hard_sigmoid_f32, float, lissom_between(0.0f, alpha * v + beta, 1.0f))
