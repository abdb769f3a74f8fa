/* Level x86-64-v3: AVX2. Dot products in two steps, sums of two products in 16 bits first: exact only for weights of
 * which no two neighbours add up to more than 128, which packing sees to. */
#ifndef LISSOM_X86_64_V3_H
#define LISSOM_X86_64_V3_H

#include "lissom_common.h"
#include "lissom_level.h"

LISSOM_LEVEL("avx2,fma,f16c")

#include "lissom_vector_256.h"

/* acc + the sum of the products of each lane's four bytes, a unsigned and w signed. */
static inline lissom_vi lissom_vi_dot(lissom_vi acc, lissom_vi a, lissom_vi w)
{
    const __m256i pairs = _mm256_maddubs_epi16(a, w);
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

#endif
