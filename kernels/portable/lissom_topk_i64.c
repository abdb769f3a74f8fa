#include "lissom_resample.h"

LISSOM_TOPK(lissom_topk_i64, int64_t)
