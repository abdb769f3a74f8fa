/* Vectors of 8 lanes: AVX2 and FMA. Which dot product there is, the level's header says. */
#ifndef LISSOM_VECTOR_256_H
#define LISSOM_VECTOR_256_H

#define LISSOM_LANES 8

typedef __m256i lissom_vi;
typedef __m256 lissom_vf;

/* All ones in the first n lanes. */
static inline lissom_vi lissom_v_mask(int32_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline lissom_vi lissom_vi_load(const void *p) { return _mm256_loadu_si256(p); }
static inline lissom_vf lissom_vf_load(const void *p) { return _mm256_loadu_ps(p); }
static inline lissom_vf lissom_vf_set(float v) { return _mm256_set1_ps(v); }
static inline lissom_vi lissom_vi_set(int32_t v) { return _mm256_set1_epi32(v); }
static inline lissom_vi lissom_vi_add(lissom_vi a, lissom_vi b) { return _mm256_add_epi32(a, b); }
static inline lissom_vi lissom_vi_sub(lissom_vi a, lissom_vi b) { return _mm256_sub_epi32(a, b); }
static inline lissom_vi lissom_vi_mul(lissom_vi a, lissom_vi b) { return _mm256_mullo_epi32(a, b); }
static inline lissom_vi lissom_vi_pairs(lissom_vi a, lissom_vi b) { return _mm256_madd_epi16(a, b); }
static inline lissom_vf lissom_vf_add(lissom_vf a, lissom_vf b) { return _mm256_add_ps(a, b); }
static inline lissom_vf lissom_vf_sub(lissom_vf a, lissom_vf b) { return _mm256_sub_ps(a, b); }
static inline lissom_vf lissom_vf_mul(lissom_vf a, lissom_vf b) { return _mm256_mul_ps(a, b); }
static inline lissom_vf lissom_vf_max(lissom_vf a, lissom_vf b) { return _mm256_max_ps(a, b); }
static inline lissom_vf lissom_vf_min(lissom_vf a, lissom_vf b) { return _mm256_min_ps(a, b); }
static inline lissom_vf lissom_vf_fma(lissom_vf a, lissom_vf b, lissom_vf c) { return _mm256_fmadd_ps(a, b, c); }
static inline lissom_vf lissom_vf_of(lissom_vi v) { return _mm256_cvtepi32_ps(v); }

/* The sum of all lanes. */
static inline int32_t lissom_vi_sum(lissom_vi v)
{
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    const __m128i pairs = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
    return _mm_cvtsi128_si32(_mm_add_epi32(pairs, _mm_shuffle_epi32(pairs, 1)));
}

/* table[i], for each lane i. */
static inline lissom_vi lissom_vi_gather(const int32_t *table, lissom_vi i) { return _mm256_i32gather_epi32(table, i, 4); }

/* The first n lanes, and zeros. */
static inline lissom_vf lissom_vf_first(lissom_vf v, int32_t n)
{
    return _mm256_and_ps(v, _mm256_castsi256_ps(lissom_v_mask(n)));
}

/* The sum and the largest of all lanes. */
static inline float lissom_vf_sum(lissom_vf v)
{
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 pairs = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_movehdup_ps(pairs)));
}

static inline float lissom_vf_most(lissom_vf v)
{
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 pairs = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(pairs, _mm_movehdup_ps(pairs)));
}

/* 2^n, for -126 <= n <= 127. */
static inline lissom_vf lissom_vf_power_of_two(lissom_vi n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}

/* To the nearest integer, ties to even. */
static inline lissom_vi lissom_vi_round(lissom_vf v)
{
    return _mm256_cvttps_epi32(_mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/* Four bytes, in every lane. */
static inline lissom_vi lissom_vi_four(const uint8_t *p)
{
    int32_t v;
    memcpy(&v, p, 4);
    return _mm256_set1_epi32(v);
}

/* n < 4 bytes and zeros, in every lane. */
static inline lissom_vi lissom_vi_few(const uint8_t *p, int32_t n)
{
    return _mm256_set1_epi32(p[0] | (n > 1 ? p[1] << 8 : 0) | (n > 2 ? p[2] << 16 : 0));
}

/* n <= 8 bytes as lanes. */
static inline lissom_vi lissom_vi_bytes(const uint8_t *p, int32_t n)
{
    uint64_t v = 0;
    memcpy(&v, p, n == 8 ? 8 : (size_t)n);
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)v));
}

/* Twice as many bytes as lanes, unsigned or signed, as words. */
static inline lissom_vi lissom_vi_words_unsigned(const uint8_t *p) { return _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)p)); }
static inline lissom_vi lissom_vi_words_signed(const uint8_t *p) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)p)); }

static inline void lissom_vi_store(void *p, lissom_vi v) { _mm256_storeu_si256(p, v); }

/* One of the 1, 2 or 4 equal parts of a vector. */
static inline void lissom_vi_store_part(void *p, lissom_vi v, int32_t parts, int32_t i)
{
    const __m128i half = i < parts / 2 || parts == 1 ? _mm256_castsi256_si128(v) : _mm256_extracti128_si256(v, 1);
    if (parts == 1) {
        _mm256_storeu_si256(p, v);
    } else if (parts == 2) {
        _mm_storeu_si128(p, half);
    } else if (i % 2 == 0) {
        _mm_storel_epi64(p, half);
    } else {
        _mm_storeh_pd(p, _mm_castsi128_pd(half));
    }
}

static inline lissom_vi lissom_vi_xor(lissom_vi a, lissom_vi b) { return _mm256_xor_si256(a, b); }

/* A bit for each lane that is not zero. */
static inline uint32_t lissom_vi_nonzero(lissom_vi v)
{
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(v, _mm256_setzero_si256()))) ^ 0xFFu;
}

static inline lissom_vi lissom_vi_set_16(int32_t v) { return _mm256_set1_epi16((int16_t)v); }

/* Four vectors of integers as bytes in their order: saturated to 16 bits, moved up by zero, saturated to 8. */
static inline lissom_vi lissom_vi_pack(lissom_vi a, lissom_vi b, lissom_vi c, lissom_vi d, lissom_vi zero)
{
    const __m256i low = _mm256_adds_epi16(_mm256_packs_epi32(a, b), zero);
    const __m256i high = _mm256_adds_epi16(_mm256_packs_epi32(c, d), zero);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    return _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order);
}

/* The low byte of each of the first n <= 8 lanes, whose values fit in one. */
static inline void lissom_vi_store_bytes(uint8_t *p, lissom_vi v, int32_t n)
{
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    const __m128i bytes = _mm_packus_epi16(words, words);
    if (n == 8) {
        _mm_storel_epi64((void *)p, bytes);
    } else {
        const long long all = _mm_cvtsi128_si64(bytes);
        memcpy(p, &all, (size_t)n);
    }
}

static inline lissom_vf lissom_vf_load_n(const float *p, int32_t n)
{
    return n == 8 ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, lissom_v_mask(n));
}

static inline void lissom_vf_store_n(float *p, lissom_vf v, int32_t n)
{
    if (n == 8) {
        _mm256_storeu_ps(p, v);
    } else {
        _mm256_maskstore_ps(p, lissom_v_mask(n), v);
    }
}

#endif
