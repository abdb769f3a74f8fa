/* Level avxvnni: the dot products of avx512vnni on vectors of 8 lanes. */
#ifndef LISSOM_AVXVNNI_H
#define LISSOM_AVXVNNI_H

#include "lissom_common.h"
#include "lissom_level.h"

/* LISSOM_AVXVNNI_AS_AVX512 takes the same instruction in its other encoding, for machines that have only that one. */
#ifdef LISSOM_AVXVNNI_AS_AVX512
LISSOM_LEVEL("avx2,fma,f16c,avx512f,avx512vl,avx512vnni")
#else
LISSOM_LEVEL("avx2,fma,f16c,avxvnni")
#endif

#ifndef LISSOM_BITS
#define LISSOM_BITS 256
#endif
#include "lissom_vector.h"

/* Registers are enough to finish whole tiles in them. */
#define LISSOM_WHOLE_TILES

/* Bytes of each factor of a dot product. */
#define LISSOM_DOT_BYTES 1

/* acc + the sum of the products of each lane's four bytes, a unsigned and w signed. */
static inline lissom_vi lissom_vi_dot(lissom_vi acc, lissom_vi a, lissom_vi w)
{
#ifdef LISSOM_AVXVNNI_AS_AVX512
    return LISSOM_V(dpbusd_epi32)(acc, a, w);
#else
    return LISSOM_V(dpbusd_avx_epi32)(acc, a, w);
#endif
}

/* acc + the sum of the products of each lane's two words, both signed; it wraps around. */
static inline lissom_vi lissom_vi_dot_words(lissom_vi acc, lissom_vi a, lissom_vi w)
{
#ifdef LISSOM_AVXVNNI_AS_AVX512
    return LISSOM_V(dpwssd_epi32)(acc, a, w);
#else
    return LISSOM_V(dpwssd_avx_epi32)(acc, a, w);
#endif
}

#endif
