#include "lissom_resample.h"

LISSOM_CUMSUM(lissom_cumsum_f32, float, sum + v)
