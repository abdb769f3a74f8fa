/* Vectors of 16 lanes: AVX-512 (F, BW, DQ, VL). Which dot product there is, the level's header says. */
#ifndef LISSOM_VECTOR_512_H
#define LISSOM_VECTOR_512_H

#define LISSOM_LANES 16

typedef __m512i lissom_vi;
typedef __m512 lissom_vf;

static inline __mmask16 lissom_v_mask(int32_t n) { return (__mmask16)((1u << n) - 1u); }

static inline lissom_vi lissom_vi_load(const void *p) { return _mm512_loadu_si512(p); }
static inline lissom_vf lissom_vf_load(const void *p) { return _mm512_loadu_ps(p); }
static inline lissom_vf lissom_vf_set(float v) { return _mm512_set1_ps(v); }
static inline lissom_vi lissom_vi_set(int32_t v) { return _mm512_set1_epi32(v); }
static inline lissom_vi lissom_vi_add(lissom_vi a, lissom_vi b) { return _mm512_add_epi32(a, b); }
static inline lissom_vi lissom_vi_sub(lissom_vi a, lissom_vi b) { return _mm512_sub_epi32(a, b); }
static inline lissom_vi lissom_vi_mul(lissom_vi a, lissom_vi b) { return _mm512_mullo_epi32(a, b); }
static inline int32_t lissom_vi_sum(lissom_vi v) { return _mm512_reduce_add_epi32(v); }

/* table[i], for each lane i. */
static inline lissom_vi lissom_vi_gather(const int32_t *table, lissom_vi i) { return _mm512_i32gather_epi32(i, table, 4); }
static inline lissom_vi lissom_vi_pairs(lissom_vi a, lissom_vi b) { return _mm512_madd_epi16(a, b); }
static inline lissom_vf lissom_vf_add(lissom_vf a, lissom_vf b) { return _mm512_add_ps(a, b); }
static inline lissom_vf lissom_vf_sub(lissom_vf a, lissom_vf b) { return _mm512_sub_ps(a, b); }
static inline lissom_vf lissom_vf_mul(lissom_vf a, lissom_vf b) { return _mm512_mul_ps(a, b); }
static inline lissom_vf lissom_vf_max(lissom_vf a, lissom_vf b) { return _mm512_max_ps(a, b); }
static inline lissom_vf lissom_vf_min(lissom_vf a, lissom_vf b) { return _mm512_min_ps(a, b); }
static inline lissom_vf lissom_vf_fma(lissom_vf a, lissom_vf b, lissom_vf c) { return _mm512_fmadd_ps(a, b, c); }
static inline lissom_vf lissom_vf_of(lissom_vi v) { return _mm512_cvtepi32_ps(v); }

/* The first n lanes, and zeros. */
static inline lissom_vf lissom_vf_first(lissom_vf v, int32_t n) { return _mm512_maskz_mov_ps(lissom_v_mask(n), v); }

/* The sum and the largest of all lanes. */
static inline float lissom_vf_sum(lissom_vf v) { return _mm512_reduce_add_ps(v); }
static inline float lissom_vf_most(lissom_vf v) { return _mm512_reduce_max_ps(v); }

/* 2^n, for -126 <= n <= 127. */
static inline lissom_vf lissom_vf_power_of_two(lissom_vi n)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(n, _mm512_set1_epi32(127)), 23));
}

/* To the nearest integer, ties to even. */
static inline lissom_vi lissom_vi_round(lissom_vf v)
{
    return _mm512_cvt_roundps_epi32(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* Four bytes, in every lane. */
static inline lissom_vi lissom_vi_four(const uint8_t *p)
{
    int32_t v;
    memcpy(&v, p, 4);
    return _mm512_set1_epi32(v);
}

/* n < 4 bytes and zeros, in every lane. */
static inline lissom_vi lissom_vi_few(const uint8_t *p, int32_t n)
{
    return _mm512_set1_epi32(p[0] | (n > 1 ? p[1] << 8 : 0) | (n > 2 ? p[2] << 16 : 0));
}

/* n <= 16 bytes as lanes. */
static inline lissom_vi lissom_vi_bytes(const uint8_t *p, int32_t n)
{
    return _mm512_cvtepu8_epi32(n == 16 ? _mm_loadu_si128((const void *)p) : _mm_maskz_loadu_epi8(lissom_v_mask(n), p));
}

/* Twice as many bytes as lanes, unsigned or signed, as words. */
static inline lissom_vi lissom_vi_words_unsigned(const uint8_t *p) { return _mm512_cvtepu8_epi16(_mm256_loadu_si256((const void *)p)); }
static inline lissom_vi lissom_vi_words_signed(const uint8_t *p) { return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)p)); }

static inline void lissom_vi_store(void *p, lissom_vi v) { _mm512_storeu_si512(p, v); }

/* One of the 1, 2 or 4 equal parts of a vector. */
static inline void lissom_vi_store_part(void *p, lissom_vi v, int32_t parts, int32_t i)
{
    if (parts == 1) {
        _mm512_storeu_si512(p, v);
    } else if (parts == 2) {
        _mm256_storeu_si256(p, i == 0 ? _mm512_castsi512_si256(v) : _mm512_extracti64x4_epi64(v, 1));
    } else {
        _mm_storeu_si128(p, i == 0   ? _mm512_castsi512_si128(v)
                            : i == 1 ? _mm512_extracti32x4_epi32(v, 1)
                            : i == 2 ? _mm512_extracti32x4_epi32(v, 2)
                                     : _mm512_extracti32x4_epi32(v, 3));
    }
}

static inline lissom_vi lissom_vi_xor(lissom_vi a, lissom_vi b) { return _mm512_xor_si512(a, b); }

/* A bit for each lane that is not zero. */
static inline uint32_t lissom_vi_nonzero(lissom_vi v)
{
    return _mm512_test_epi32_mask(v, v);
}

static inline lissom_vi lissom_vi_set_16(int32_t v) { return _mm512_set1_epi16((int16_t)v); }

/* Four vectors of integers as bytes in their order: saturated to 16 bits, moved up by zero, saturated to 8. */
static inline lissom_vi lissom_vi_pack(lissom_vi a, lissom_vi b, lissom_vi c, lissom_vi d, lissom_vi zero)
{
    const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero);
    const __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero);
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high));
}

/* The low byte of each of the first n <= 16 lanes. */
static inline void lissom_vi_store_bytes(uint8_t *p, lissom_vi v, int32_t n)
{
    if (n == 16) {
        _mm_storeu_si128((void *)p, _mm512_cvtepi32_epi8(v));
    } else {
        _mm512_mask_cvtepi32_storeu_epi8(p, lissom_v_mask(n), v);
    }
}

static inline lissom_vf lissom_vf_load_n(const float *p, int32_t n)
{
    return n == 16 ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(lissom_v_mask(n), p);
}

static inline void lissom_vf_store_n(float *p, lissom_vf v, int32_t n)
{
    if (n == 16) {
        _mm512_storeu_ps(p, v);
    } else {
        _mm512_mask_storeu_ps(p, lissom_v_mask(n), v);
    }
}

#endif
