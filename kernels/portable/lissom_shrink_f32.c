#include "lissom_unary.h"

LISSOM_UNARY(lissom_shrink_f32, float, v < -alpha ? v + beta : v > alpha ? v - beta : 0.0f)
