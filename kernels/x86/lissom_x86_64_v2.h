/* Level x86-64-v2: SSE4.1. */
#ifndef LISSOM_X86_64_V2_H
#define LISSOM_X86_64_V2_H

#include "lissom_common.h"
#include "lissom_level.h"

LISSOM_LEVEL("sse4.1")

#ifndef LISSOM_BITS
#define LISSOM_BITS 128
#endif
#include "lissom_vector.h"

#include "lissom_words.h"

#endif
