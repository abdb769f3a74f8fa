/* Level x86-64-v3: AVX2 and FMA. */
#ifndef LISSOM_X86_64_V3_H
#define LISSOM_X86_64_V3_H

#include "lissom_common.h"
#include "lissom_level.h"

LISSOM_LEVEL("avx2,fma,f16c")

#include "lissom_vector_256.h"

#include "lissom_words.h"

#endif
