#include "lissom_math.h"
#include "lissom_unary.h"

LISSOM_UNARY(lissom_gelu_tanh_f32, float, 0.5f * v * (1.0f + lissom_tanh(0.79788456f * (v + 0.044715f * v * v * v))))
