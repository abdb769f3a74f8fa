/* A table of 256 bytes by shuffles of 16: the table in 16 parts, and what is kept of each is its difference from the part
 * before. A shuffle takes the low four bits of an index, and gives 0 where its highest bit is set. So with x, x - 16,
 * x - 32, ... as indices, all below 128 at first, the differences up to the part x lies in add up to that part. Indices
 * from 128 on go the same way, with their highest bit flipped. */
#include "lissom_quantize.h"

#define PARTS 16
#define VECTOR 32

static inline __m256i found(const __m256i *parts, __m256i x)
{
    const __m256i step = _mm256_set1_epi8(16);
    __m256i low = x;
    __m256i high = _mm256_xor_si256(x, _mm256_set1_epi8(-128));
    __m256i of_low = _mm256_setzero_si256();
    __m256i of_high = _mm256_setzero_si256();
    LISSOM_UNROLL
    for (int32_t i = 0; i < PARTS / 2; ++i) {
        of_low = _mm256_xor_si256(of_low, _mm256_shuffle_epi8(parts[i], low));
        of_high = _mm256_xor_si256(of_high, _mm256_shuffle_epi8(parts[PARTS / 2 + i], high));
        low = _mm256_subs_epi8(low, step);
        high = _mm256_subs_epi8(high, step);
    }
    return _mm256_or_si256(of_low, of_high);
}

void LISSOM_KERNEL(const lissom_lookup_params *p, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    const int32_t whole = p->count - p->count % VECTOR;
    uint8_t rest[VECTOR] = {0};
    __m256i parts[PARTS];
    for (int32_t i = 0; i < PARTS; ++i) {
        const __m128i part = _mm_loadu_si128((const void *)(table + 16 * i));
        const __m128i before = i % (PARTS / 2) == 0 ? _mm_setzero_si128() : _mm_loadu_si128((const void *)(table + 16 * i - 16));
        parts[i] = _mm256_broadcastsi128_si256(_mm_xor_si128(part, before));
    }
    for (int32_t i = 0; i < whole; i += VECTOR) {
        _mm256_storeu_si256((void *)(y + i), found(parts, _mm256_loadu_si256((const void *)(x + i))));
    }
    memcpy(rest, x + whole, (size_t)(p->count - whole));
    _mm256_storeu_si256((void *)rest, found(parts, _mm256_loadu_si256((const void *)rest)));
    memcpy(y + whole, rest, (size_t)(p->count - whole));
}

LISSOM_LEVEL_END
