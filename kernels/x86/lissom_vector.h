/* The vectors of a level, which says how many bits they have by LISSOM_BITS; a kernel of few channels asks for fewer. */
#ifndef LISSOM_VECTOR_H
#define LISSOM_VECTOR_H

/* An intrinsic on these vectors, by what it is called behind its prefix, and behind that without its type. */
#if LISSOM_BITS == 512
#include "lissom_vector_512.h"
#define LISSOM_V(operation) _mm512_##operation
#define LISSOM_V_WHOLE(operation) _mm512_##operation##_si512
#elif LISSOM_BITS == 256
#include "lissom_vector_256.h"
#define LISSOM_V(operation) _mm256_##operation
#define LISSOM_V_WHOLE(operation) _mm256_##operation##_si256
#else
#include "lissom_vector_128.h"
#define LISSOM_V(operation) _mm_##operation
#define LISSOM_V_WHOLE(operation) _mm_##operation##_si128
#endif

#endif
