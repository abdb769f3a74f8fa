#include "lissom_resample.h"

LISSOM_ARG(lissom_arg_i32, int32_t)
