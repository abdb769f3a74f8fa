#include "lissom_binary_q8.h"

LISSOM_BINARY_Q8(lissom_mul_q8, lissom_requantize(CENTRED(u, a) * CENTRED(v, b), p->multiplier, &p->y))
