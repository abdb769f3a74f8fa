#include "lissom_binary_q8.h"

LISSOM_BINARY_Q8(lissom_sub_q8, lissom_saturate(lissom_real_add(lissom_scaled(CENTRED(u, a), p->a_ratio), lissom_real_neg(lissom_scaled(CENTRED(v, b), p->b_ratio))), &p->y))
