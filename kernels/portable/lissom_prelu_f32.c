#include "lissom_binary.h"

LISSOM_BINARY(lissom_prelu_f32, float, float, u < 0.0f ? u * v : u)
