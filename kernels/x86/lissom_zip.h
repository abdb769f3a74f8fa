/* Elements of LISSOM_ELEMENT bytes of two vectors in turn, those of the lower and of the upper halves. */
#ifndef LISSOM_ZIP_H
#define LISSOM_ZIP_H

#if LISSOM_ELEMENT == 1
#define UNPACK(half, a, b) _mm_unpack##half##_epi8(a, b)
#elif LISSOM_ELEMENT == 2
#define UNPACK(half, a, b) _mm_unpack##half##_epi16(a, b)
#elif LISSOM_ELEMENT == 4
#define UNPACK(half, a, b) _mm_unpack##half##_epi32(a, b)
#else
#define UNPACK(half, a, b) _mm_unpack##half##_epi64(a, b)
#endif

typedef __m128i zipped;

static inline zipped zip_low(zipped a, zipped b) { return UNPACK(lo, a, b); }
static inline zipped zip_high(zipped a, zipped b) { return UNPACK(hi, a, b); }
static inline zipped zip_load(const uint8_t *p) { return _mm_loadu_si128((const void *)p); }
static inline void zip_store(uint8_t *p, zipped v) { _mm_storeu_si128((void *)p, v); }
static inline zipped zip_zero(void) { return _mm_setzero_si128(); }

#endif
