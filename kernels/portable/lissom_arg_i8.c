#include "lissom_resample.h"

LISSOM_ARG(lissom_arg_i8, int8_t)
