#include "lissom_unary.h"

LISSOM_UNARY(lissom_affine_f32, float, alpha * v + beta)
