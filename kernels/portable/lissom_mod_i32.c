#include "lissom_binary.h"

/* The sign of the divisor, as in Python. */
LISSOM_BINARY(lissom_mod_i32, int32_t, int32_t,
              v == 0 || v == -1 ? 0 : u % v != 0 && ((u % v < 0) != (v < 0)) ? u % v + v : u % v)
