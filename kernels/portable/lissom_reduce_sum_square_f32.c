#include "lissom_reduce.h"

LISSOM_REDUCE(lissom_reduce_sum_square_f32, float, float, 0.0f, acc + v * v, acc)
