#include "lissom_resample.h"

LISSOM_ARG(lissom_arg_f32, float)
