#include "lissom_binary_q8.h"

LISSOM_BINARY_Q8(lissom_sub_q8, lissom_saturate((float)CENTRED(u, a) * p->a_ratio - (float)CENTRED(v, b) * p->b_ratio, &p->y))
