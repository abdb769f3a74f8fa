/* Level x86-64-v3: AVX2 and FMA. */
#ifndef LISSOM_X86_64_V3_H
#define LISSOM_X86_64_V3_H

#include "lissom_common.h"
#include "lissom_level.h"

LISSOM_LEVEL("avx2,fma,f16c")

#ifndef LISSOM_BITS
#define LISSOM_BITS 256
#endif
#include "lissom_vector.h"

/* Registers are enough to finish whole tiles in them. */
#define LISSOM_WHOLE_TILES

#include "lissom_words.h"

#endif
