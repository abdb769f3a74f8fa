#include "lissom_binary.h"

LISSOM_BINARY(lissom_max_f32, float, float, u > v || u != u ? u : v)
