/* Level x86-64-v4: AVX-512 without VNNI. Dot products as at level x86-64-v3. */
#ifndef LISSOM_X86_64_V4_H
#define LISSOM_X86_64_V4_H

#include "lissom_common.h"
#include "lissom_level.h"

LISSOM_LEVEL("avx512f,avx512bw,avx512dq,avx512vl,fma")

#include "lissom_vector_512.h"

/* acc + the sum of the products of each lane's four bytes, a unsigned and w signed. */
static inline lissom_vi lissom_vi_dot(lissom_vi acc, lissom_vi a, lissom_vi w)
{
    const __m512i pairs = _mm512_maddubs_epi16(a, w);
    return _mm512_add_epi32(acc, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}

#endif
