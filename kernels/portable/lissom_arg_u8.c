#include "lissom_resample.h"

LISSOM_ARG(lissom_arg_u8, uint8_t)
