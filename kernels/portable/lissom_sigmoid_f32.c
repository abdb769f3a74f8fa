#include "lissom_math.h"
#include "lissom_unary.h"

LISSOM_UNARY(lissom_sigmoid_f32, float, lissom_sigmoid(v))
