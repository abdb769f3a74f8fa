#include "lissom_unary.h"

LISSOM_UNARY(lissom_sign_f32, float, v > 0.0f ? 1.0f : v < 0.0f ? -1.0f : v)
