#include "lissom_binary.h"

/* The sign of the dividend, as in C. */
LISSOM_BINARY(lissom_fmod_i32, int32_t, int32_t, v == 0 || v == -1 ? 0 : u % v)
