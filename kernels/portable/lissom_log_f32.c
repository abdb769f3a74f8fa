#include <math.h>

#include "lissom_unary.h"

LISSOM_UNARY(lissom_log_f32, float, logf(v))
