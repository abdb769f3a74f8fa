/* Level avx512vnni: dot products of four unsigned with four signed bytes, exact. */
#ifndef LISSOM_AVX512VNNI_H
#define LISSOM_AVX512VNNI_H

#include "lissom_common.h"
#include "lissom_level.h"

LISSOM_LEVEL("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")

#ifndef LISSOM_BITS
#define LISSOM_BITS 512
#endif
#include "lissom_vector.h"

/* There are registers enough to finish whole tiles in them. */
#define LISSOM_WHOLE_TILES

/* Bytes of each factor of a dot product. */
#define LISSOM_DOT_BYTES 1

/* acc + the sum of the products of each lane's four bytes, a unsigned and w signed. */
static inline lissom_vi lissom_vi_dot(lissom_vi acc, lissom_vi a, lissom_vi w)
{
    return LISSOM_V(dpbusd_epi32)(acc, a, w);
}

/* acc + the sum of the products of each lane's two words, both signed; it wraps around. */
static inline lissom_vi lissom_vi_dot_words(lissom_vi acc, lissom_vi a, lissom_vi w)
{
    return LISSOM_V(dpwssd_epi32)(acc, a, w);
}

#endif
