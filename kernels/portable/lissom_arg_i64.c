#include "lissom_resample.h"

LISSOM_ARG(lissom_arg_i64, int64_t)
