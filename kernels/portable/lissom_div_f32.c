#include "lissom_binary.h"

LISSOM_BINARY(lissom_div_f32, float, float, u / v)
