#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_round_f32, float, nearbyintf(v))
