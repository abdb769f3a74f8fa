#include <math.h>

#include "lissom_binary.h"

LISSOM_BINARY(lissom_fmod_f32, float, float, fmodf(u, v))
