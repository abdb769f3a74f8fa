/* Level aarch64+dotprod: dot products of four signed bytes a lane, SDOT. */
#ifndef LISSOM_AARCH64_DOTPROD_H
#define LISSOM_AARCH64_DOTPROD_H

#include "lissom_common.h"
#include "lissom_level.h"

LISSOM_LEVEL("arch=armv8.2-a+dotprod")

#include "lissom_vector_neon.h"

/* Products: dot products of four bytes. */
#define LISSOM_PRODUCTS 2
#define LISSOM_DOT_BYTES 1

#endif
