/* A vector of bytes, signed or not as LISSOM_SIGNED says: 32 of them. */
#ifndef LISSOM_BYTE_BLOCK_H
#define LISSOM_BYTE_BLOCK_H

#define BLOCK 32
typedef __m256i block;

static inline block block_load(const element *p) { return _mm256_loadu_si256((const void *)p); }
static inline void block_store(element *p, block v) { _mm256_storeu_si256((void *)p, v); }
static inline block block_set(element v) { return _mm256_set1_epi8((char)v); }
#if LISSOM_SIGNED
static inline block block_larger(block a, block b) { return _mm256_max_epi8(a, b); }
#else
static inline block block_larger(block a, block b) { return _mm256_max_epu8(a, b); }
#endif

#endif
