#include "lissom_unary.h"

LISSOM_UNARY(lissom_not, uint8_t, v == 0)
