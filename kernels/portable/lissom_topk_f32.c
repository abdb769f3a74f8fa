#include "lissom_resample.h"

LISSOM_TOPK(lissom_topk_f32, float)
