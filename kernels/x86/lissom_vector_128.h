/* Vectors of 4 lanes: SSE4.1. Products and sums of floats are two steps, each rounded. */
#ifndef LISSOM_VECTOR_128_H
#define LISSOM_VECTOR_128_H

#define LISSOM_LANES 4

typedef __m128i lissom_vi;
typedef __m128 lissom_vf;

static inline lissom_vi lissom_vi_load(const void *p) { return _mm_loadu_si128(p); }
static inline lissom_vf lissom_vf_load(const void *p) { return _mm_loadu_ps(p); }
static inline lissom_vf lissom_vf_set(float v) { return _mm_set1_ps(v); }
static inline lissom_vi lissom_vi_set(int32_t v) { return _mm_set1_epi32(v); }
static inline lissom_vi lissom_vi_add(lissom_vi a, lissom_vi b) { return _mm_add_epi32(a, b); }
static inline lissom_vi lissom_vi_sub(lissom_vi a, lissom_vi b) { return _mm_sub_epi32(a, b); }
static inline lissom_vi lissom_vi_mul(lissom_vi a, lissom_vi b) { return _mm_mullo_epi32(a, b); }
static inline lissom_vi lissom_vi_pairs(lissom_vi a, lissom_vi b) { return _mm_madd_epi16(a, b); }
static inline lissom_vf lissom_vf_add(lissom_vf a, lissom_vf b) { return _mm_add_ps(a, b); }
static inline lissom_vf lissom_vf_sub(lissom_vf a, lissom_vf b) { return _mm_sub_ps(a, b); }
static inline lissom_vf lissom_vf_mul(lissom_vf a, lissom_vf b) { return _mm_mul_ps(a, b); }
static inline lissom_vf lissom_vf_max(lissom_vf a, lissom_vf b) { return _mm_max_ps(a, b); }
static inline lissom_vf lissom_vf_min(lissom_vf a, lissom_vf b) { return _mm_min_ps(a, b); }
static inline lissom_vf lissom_vf_fma(lissom_vf a, lissom_vf b, lissom_vf c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
static inline lissom_vf lissom_vf_of(lissom_vi v) { return _mm_cvtepi32_ps(v); }

/* The sum of all lanes. */
static inline int32_t lissom_vi_sum(lissom_vi v)
{
    const __m128i pairs = _mm_add_epi32(v, _mm_unpackhi_epi64(v, v));
    return _mm_cvtsi128_si32(_mm_add_epi32(pairs, _mm_shuffle_epi32(pairs, 1)));
}

/* To the nearest integer, ties to even. */
static inline lissom_vi lissom_vi_round(lissom_vf v)
{
    return _mm_cvttps_epi32(_mm_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/* Four bytes, in every lane. */
static inline lissom_vi lissom_vi_four(const uint8_t *p)
{
    int32_t v;
    memcpy(&v, p, 4);
    return _mm_set1_epi32(v);
}

/* n < 4 bytes and zeros, in every lane. */
static inline lissom_vi lissom_vi_few(const uint8_t *p, int32_t n)
{
    return _mm_set1_epi32(p[0] | (n > 1 ? p[1] << 8 : 0) | (n > 2 ? p[2] << 16 : 0));
}

/* n <= 4 bytes as lanes. */
static inline lissom_vi lissom_vi_bytes(const uint8_t *p, int32_t n)
{
    int32_t v = 0;
    memcpy(&v, p, n == 4 ? 4 : (size_t)n);
    return _mm_cvtepu8_epi32(_mm_cvtsi32_si128(v));
}

/* Twice as many bytes as lanes, unsigned or signed, as words. */
static inline lissom_vi lissom_vi_words_unsigned(const uint8_t *p) { return _mm_cvtepu8_epi16(_mm_loadl_epi64((const void *)p)); }
static inline lissom_vi lissom_vi_words_signed(const uint8_t *p) { return _mm_cvtepi8_epi16(_mm_loadl_epi64((const void *)p)); }

static inline void lissom_vi_store(void *p, lissom_vi v) { _mm_storeu_si128(p, v); }
static inline lissom_vi lissom_vi_xor(lissom_vi a, lissom_vi b) { return _mm_xor_si128(a, b); }

/* A bit for each lane that is not zero. */
static inline uint32_t lissom_vi_nonzero(lissom_vi v)
{
    return (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(v, _mm_setzero_si128()))) ^ 0xFu;
}

static inline lissom_vi lissom_vi_set_16(int32_t v) { return _mm_set1_epi16((int16_t)v); }

/* Four vectors of integers as bytes in their order: saturated to 16 bits, moved up by zero, saturated to 8. */
static inline lissom_vi lissom_vi_pack(lissom_vi a, lissom_vi b, lissom_vi c, lissom_vi d, lissom_vi zero)
{
    const __m128i low = _mm_adds_epi16(_mm_packs_epi32(a, b), zero);
    const __m128i high = _mm_adds_epi16(_mm_packs_epi32(c, d), zero);
    return _mm_packus_epi16(low, high);
}

/* The low byte of each of the first n <= 4 lanes, whose values fit in one. */
static inline void lissom_vi_store_bytes(uint8_t *p, lissom_vi v, int32_t n)
{
    const __m128i words = _mm_packus_epi32(v, v);
    const int32_t all = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    memcpy(p, &all, n == 4 ? 4 : (size_t)n);
}

static inline lissom_vf lissom_vf_load_n(const float *p, int32_t n)
{
    if (n == 4) {
        return _mm_loadu_ps(p);
    }
    float v[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    memcpy(v, p, (size_t)n * 4);
    return _mm_loadu_ps(v);
}

static inline void lissom_vf_store_n(float *p, lissom_vf v, int32_t n)
{
    if (n == 4) {
        _mm_storeu_ps(p, v);
        return;
    }
    float all[4];
    _mm_storeu_ps(all, v);
    memcpy(p, all, (size_t)n * 4);
}

#endif
