#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_softsign_f32, float, v / (1.0f + fabsf(v)))
