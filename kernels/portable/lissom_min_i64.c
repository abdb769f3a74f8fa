#include "lissom_binary.h"

LISSOM_BINARY(lissom_min_i64, int64_t, int64_t, u < v ? u : v)
