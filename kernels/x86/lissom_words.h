/* Dot products for levels that have no exact ones of bytes. The products of pairs of bytes would not always fit in the 16
 * bits that such levels sum them in, so bytes become words first: then all sums are exact. Where a kernel says by
 * LISSOM_SMALL that no weight is above 64 or below -64, two products with an unsigned byte are at most 2 * 255 * 64 and do
 * fit. */
#ifndef LISSOM_WORDS_H
#define LISSOM_WORDS_H

/* acc + the sum of the products of each lane's two words, both signed; it wraps around. */
static inline lissom_vi lissom_vi_dot_words(lissom_vi acc, lissom_vi a, lissom_vi w)
{
    return lissom_vi_add(acc, lissom_vi_pairs(a, w));
}

/* LISSOM_DOT_BYTES is the bytes of each factor of a dot product, of four unsigned bytes or of two words a lane. */
#ifdef LISSOM_SMALL
#define LISSOM_DOT_BYTES 1
static inline lissom_vi lissom_vi_dot(lissom_vi acc, lissom_vi a, lissom_vi w)
{
    return lissom_vi_dot_words(acc, LISSOM_V(maddubs_epi16)(a, w), lissom_vi_set_16(1));
}
#else
#define LISSOM_DOT_BYTES 2
static inline lissom_vi lissom_vi_dot(lissom_vi acc, lissom_vi a, lissom_vi w) { return lissom_vi_dot_words(acc, a, w); }
#endif

/* Of each lane's four bytes, the first and third, and the second and fourth, as words. */
static inline lissom_vi lissom_vi_even_bytes(lissom_vi v) { return LISSOM_V_WHOLE(and)(v, lissom_vi_set_16(0xff)); }
static inline lissom_vi lissom_vi_odd_bytes(lissom_vi v) { return LISSOM_V(srli_epi16)(v, 8); }

/* n bytes as words, at `to`. */
static inline void lissom_widen(uint8_t *to, const uint8_t *from, size_t n)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const __m128i bytes = _mm_loadu_si128((const void *)(from + i));
        _mm_storeu_si128((void *)(to + 2 * i), _mm_unpacklo_epi8(bytes, _mm_setzero_si128()));
        _mm_storeu_si128((void *)(to + 2 * i + 16), _mm_unpackhi_epi8(bytes, _mm_setzero_si128()));
    }
    for (; i < n; ++i) {
        to[2 * i] = from[i];
        to[2 * i + 1] = 0;
    }
}

#endif
