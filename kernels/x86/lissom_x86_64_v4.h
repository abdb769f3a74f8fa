/* Level x86-64-v4: AVX-512 without VNNI. */
#ifndef LISSOM_X86_64_V4_H
#define LISSOM_X86_64_V4_H

#include "lissom_common.h"
#include "lissom_level.h"

LISSOM_LEVEL("avx512f,avx512bw,avx512dq,avx512vl,fma")

#ifndef LISSOM_BITS
#define LISSOM_BITS 512
#endif
#include "lissom_vector.h"

/* There are registers enough to finish whole tiles in them. */
#define LISSOM_WHOLE_TILES

#include "lissom_words.h"

#endif
