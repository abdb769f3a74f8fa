/* Bytes between two orders: four channels after another for each pixel, and a vector of pixels for each four channels. */
#ifndef LISSOM_INTERLEAVE_H
#define LISSOM_INTERLEAVE_H

#if LISSOM_LANES == 16

/* Row i, lane j becomes row j, lane i. */
static inline void lissom_transpose(lissom_vi *rows)
{
    lissom_vi a[16];
    LISSOM_UNROLL
    for (int32_t i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        a[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    LISSOM_UNROLL
    for (int32_t i = 0; i < 16; i += 4) {
        rows[i] = _mm512_unpacklo_epi64(a[i], a[i + 2]);
        rows[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 2]);
        rows[i + 2] = _mm512_unpacklo_epi64(a[i + 1], a[i + 3]);
        rows[i + 3] = _mm512_unpackhi_epi64(a[i + 1], a[i + 3]);
    }
    LISSOM_UNROLL
    for (int32_t i = 0; i < 4; ++i) {
        a[i] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0x88);
        a[i + 4] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0xdd);
        a[i + 8] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0x88);
        a[i + 12] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0xdd);
    }
    LISSOM_UNROLL
    for (int32_t i = 0; i < 8; ++i) {
        rows[i] = _mm512_shuffle_i32x4(a[i], a[i + 8], 0x88);
        rows[i + 8] = _mm512_shuffle_i32x4(a[i], a[i + 8], 0xdd);
    }
}

static inline lissom_vi lissom_load_bytes(const uint8_t *p, int32_t n)
{
    return n >= 64 ? lissom_vi_load(p) : _mm512_maskz_loadu_epi8(((__mmask64)1 << n) - 1, p);
}

static inline void lissom_store_bytes(uint8_t *p, lissom_vi v, int32_t n)
{
    if (n >= 64) {
        lissom_vi_store(p, v);
    } else {
        _mm512_mask_storeu_epi8(p, ((__mmask64)1 << n) - 1, v);
    }
}

#define ZIP(low, bits, a, b) _mm512_unpack##low##_epi##bits(a, b)
#define PACK_32(a, b) _mm512_packs_epi32(a, b)
#define PACK_16(a, b) _mm512_packus_epi16(a, b)
#define ADD_16(a, b) _mm512_adds_epi16(a, b)

#else

static inline void lissom_transpose(lissom_vi *rows)
{
    lissom_vi a[8];
    LISSOM_UNROLL
    for (int32_t i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_epi32(rows[i], rows[i + 1]);
        a[i + 1] = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    LISSOM_UNROLL
    for (int32_t i = 0; i < 8; i += 4) {
        rows[i] = _mm256_unpacklo_epi64(a[i], a[i + 2]);
        rows[i + 1] = _mm256_unpackhi_epi64(a[i], a[i + 2]);
        rows[i + 2] = _mm256_unpacklo_epi64(a[i + 1], a[i + 3]);
        rows[i + 3] = _mm256_unpackhi_epi64(a[i + 1], a[i + 3]);
    }
    LISSOM_UNROLL
    for (int32_t i = 0; i < 4; ++i) {
        a[i] = _mm256_permute2x128_si256(rows[i], rows[i + 4], 0x20);
        a[i + 4] = _mm256_permute2x128_si256(rows[i], rows[i + 4], 0x31);
    }
    LISSOM_UNROLL
    for (int32_t i = 0; i < 8; ++i) {
        rows[i] = a[i];
    }
}

#include "lissom_some_bytes.h"

#define ZIP(low, bits, a, b) _mm256_unpack##low##_epi##bits(a, b)
#define PACK_32(a, b) _mm256_packs_epi32(a, b)
#define PACK_16(a, b) _mm256_packus_epi16(a, b)
#define ADD_16(a, b) _mm256_adds_epi16(a, b)

#endif

/* Four vectors of integers as bytes, zero added, saturated: four bytes of each vector in turn. */
static inline lissom_vi lissom_pack_fours(const lissom_vi *v, lissom_vi zero)
{
    return PACK_16(ADD_16(PACK_32(v[0], v[1]), zero), ADD_16(PACK_32(v[2], v[3]), zero));
}

/* Such bytes of four channels: in vector i, those of what was vector i, the four channels of each lane together. */
static inline void lissom_zip_fours(const lissom_vi *channels, lissom_vi *pixels)
{
    const lissom_vi low_01 = ZIP(lo, 8, channels[0], channels[1]);
    const lissom_vi low_23 = ZIP(lo, 8, channels[2], channels[3]);
    const lissom_vi high_01 = ZIP(hi, 8, channels[0], channels[1]);
    const lissom_vi high_23 = ZIP(hi, 8, channels[2], channels[3]);
    pixels[0] = ZIP(lo, 16, low_01, low_23);
    pixels[1] = ZIP(hi, 16, low_01, low_23);
    pixels[2] = ZIP(lo, 16, high_01, high_23);
    pixels[3] = ZIP(hi, 16, high_01, high_23);
}

/* Bytes of pixels, four of each in a row for each four channels. */
static inline void lissom_lay_out(lissom_vi *rows) { lissom_transpose(rows); }

#endif
