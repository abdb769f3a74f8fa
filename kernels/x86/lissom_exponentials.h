/* What softmax of bytes does by other means on each instruction set: x is unsigned here. */
#ifndef LISSOM_EXPONENTIALS_H
#define LISSOM_EXPONENTIALS_H

/* The exponentials of n bytes, and their sum. */
static inline int32_t exponentials(const uint8_t *x, int32_t n, int32_t top, const int32_t *table, int32_t *e)
{
    const lissom_vi from = lissom_vi_set(top);
    lissom_vi sums = lissom_vi_set(0);
    int32_t i = 0;
    for (; i + LISSOM_LANES <= n; i += LISSOM_LANES) {
        const lissom_vi found = lissom_vi_gather(table, lissom_vi_sub(from, lissom_vi_bytes(x + i, LISSOM_LANES)));
        lissom_vi_store(e + i, found);
        sums = lissom_vi_add(sums, found);
    }
    int32_t sum = lissom_vi_sum(sums);
    for (; i < n; ++i) {
        e[i] = table[top - x[i]];
        sum += e[i];
    }
    return sum;
}

static inline int32_t largest(const uint8_t *x, int32_t n)
{
    __m128i most = _mm_setzero_si128();
    int32_t i = 0;
    int32_t top = 0;
    for (; i + 16 <= n; i += 16) {
        most = _mm_max_epu8(most, _mm_loadu_si128((const void *)(x + i)));
    }
    most = _mm_max_epu8(most, _mm_srli_si128(most, 8));
    most = _mm_max_epu8(most, _mm_srli_si128(most, 4));
    most = _mm_max_epu8(most, _mm_srli_si128(most, 2));
    most = _mm_max_epu8(most, _mm_srli_si128(most, 1));
    top = _mm_cvtsi128_si32(most) & 255;
    for (; i < n; ++i) {
        top = lissom_larger(top, x[i]);
    }
    return top;
}

#endif
