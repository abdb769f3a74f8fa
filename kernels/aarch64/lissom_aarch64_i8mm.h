/* Level aarch64+i8mm: products of 2 by 8 with 8 by 2 signed bytes, SMMLA. */
#ifndef LISSOM_AARCH64_I8MM_H
#define LISSOM_AARCH64_I8MM_H

#include "lissom_common.h"
#include "lissom_level.h"

LISSOM_LEVEL("arch=armv8.2-a+dotprod+i8mm")

#include "lissom_vector_neon.h"

/* Products: of matrices. */
#define LISSOM_PRODUCTS 3
#define LISSOM_DOT_BYTES 1

#endif
