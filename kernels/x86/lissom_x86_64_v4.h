/* Level x86-64-v4: AVX-512 without VNNI. */
#ifndef LISSOM_X86_64_V4_H
#define LISSOM_X86_64_V4_H

#include "lissom_common.h"
#include "lissom_level.h"

LISSOM_LEVEL("avx512f,avx512bw,avx512dq,avx512vl,fma")

#include "lissom_vector_512.h"

#include "lissom_words.h"

#endif
