#include "lissom_unary.h"

LISSOM_UNARY(lissom_neg_f32, float, -v)
