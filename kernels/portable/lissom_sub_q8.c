#include "lissom_binary_q8.h"

LISSOM_BINARY_Q8(lissom_sub_q8, lissom_saturate((float)u * a_ratio - (float)v * b_ratio, &q))
