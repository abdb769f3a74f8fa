#include "lissom_unary.h"

LISSOM_UNARY(lissom_clip_f32, float, v < alpha ? alpha : v > beta ? beta : v)
