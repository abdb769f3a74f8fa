/* A table of 256 bytes by permutations of words: the table is 128 words, of which two permutations of 64 find one, by all
 * bits of an index but the lowest, which says which byte of it is meant. Even and odd bytes of x go the same way. */
#include "lissom_quantize.h"

#define VECTOR 64

/* For each word of index the word of the table, by its low six bits, from the half that `upper` says. */
static inline __m512i chosen(const __m512i *words, __m512i index, __mmask32 upper)
{
    const __m512i low = _mm512_permutex2var_epi16(words[0], index, words[1]);
    return _mm512_mask_blend_epi16(upper, low, _mm512_permutex2var_epi16(words[2], index, words[3]));
}

static inline __m512i found(const __m512i *words, __m512i x)
{
    const __mmask32 even_bit = _mm512_test_epi16_mask(x, _mm512_set1_epi16(0x0001));
    const __mmask32 odd_bit = _mm512_testn_epi16_mask(x, _mm512_set1_epi16(0x0100));
    const __mmask32 even_upper = _mm512_test_epi16_mask(x, _mm512_set1_epi16(0x0080));
    const __m512i even = chosen(words, _mm512_srli_epi16(x, 1), even_upper);
    const __m512i odd = chosen(words, _mm512_srli_epi16(x, 9), _mm512_movepi16_mask(x));
    const __m512i in_low = _mm512_mask_srli_epi16(even, even_bit, even, 8);
    const __m512i in_high = _mm512_mask_slli_epi16(odd, odd_bit, odd, 8);
    return _mm512_ternarylogic_epi32(_mm512_set1_epi16(0x00FF), in_low, in_high, 0xCA); /* bits of one, or the other */
}

void LISSOM_KERNEL(const lissom_lookup_params *p, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    const int32_t whole = p->count - p->count % VECTOR;
    const __mmask64 rest = ((__mmask64)1 << (p->count - whole)) - 1;
    __m512i words[4];
    for (int32_t i = 0; i < 4; ++i) {
        words[i] = _mm512_loadu_si512(table + VECTOR * i);
    }
    for (int32_t i = 0; i < whole; i += VECTOR) {
        _mm512_storeu_si512(y + i, found(words, _mm512_loadu_si512(x + i)));
    }
    _mm512_mask_storeu_epi8(y + whole, rest, found(words, _mm512_maskz_loadu_epi8(rest, x + whole)));
}

LISSOM_LEVEL_END
