/* Level aarch64: Armv8-A with Advanced SIMD. */
#ifndef LISSOM_AARCH64_H
#define LISSOM_AARCH64_H

#include "lissom_common.h"
#include "lissom_level.h"

LISSOM_LEVEL("arch=armv8-a")

#include "lissom_vector_neon.h"

/* Products: of bytes, to 16 bits. */
#define LISSOM_PRODUCTS 1
#define LISSOM_DOT_BYTES 1

#endif
