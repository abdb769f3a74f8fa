#include <math.h>

#include "lissom_binary.h"

LISSOM_BINARY(lissom_pow_f32, float, float, powf(u, v))
