#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_mish_f32, float, v * tanhf(v > 20.0f ? v : log1pf(expf(v))))
