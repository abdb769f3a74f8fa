#include <math.h>

#include "lissom_binary.h"

LISSOM_BINARY(lissom_mod_f32, float, float, u - v * floorf(u / v))
