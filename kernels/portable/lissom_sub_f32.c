#include "lissom_binary.h"

LISSOM_BINARY(lissom_sub_f32, float, float, u - v)
