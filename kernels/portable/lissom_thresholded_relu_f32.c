#include "lissom_unary.h"

LISSOM_UNARY(lissom_thresholded_relu_f32, float, v > alpha ? v : 0.0f)
