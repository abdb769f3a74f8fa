#include "lissom_binary.h"

LISSOM_BINARY(lissom_add_f32, float, float, u + v)
