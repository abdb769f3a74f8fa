#include "lissom_reduce.h"

LISSOM_REDUCE(lissom_reduce_mean_f32, float, float, 0.0f, acc + v, acc / (float)n)
