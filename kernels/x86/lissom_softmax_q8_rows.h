/* Softmax of rows of bytes that lie together, x unsigned. */
#include "lissom_finish_q8.h"
#include "lissom_norm_q8.h"

/* Exponentials that are kept; of a longer row they are looked up once more. */
#define KEPT 256

/* The exponentials of n <= KEPT bytes, and their sum. */
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

void LISSOM_KERNEL(const lissom_softmax_q8_params *p, const uint8_t *x, const int32_t *table, uint8_t *y)
{
    const lissom_finish_q8 f = lissom_finish_q8_of(&p->y, NULL);
    const int32_t n = p->n;
    int32_t e[KEPT + 3 * LISSOM_LANES];
    memset(e, 0, sizeof e);
    for (int32_t row = 0; row < p->outer; ++row, x += n, y += n) {
        const int32_t top = largest(x, n);
        int32_t sum = 0;
        for (int32_t i = 0; i < n; i += KEPT) {
            sum += exponentials(x + i, lissom_smaller(KEPT, n - i), top, table, e);
        }
        const lissom_vf multiplier = lissom_vf_set(1.0f / (p->y_scale * (float)sum));
        for (int32_t i = 0; i < n; i += KEPT) {
            const int32_t here = lissom_smaller(KEPT, n - i);
            if (n > KEPT) {
                (void)exponentials(x + i, here, top, table, e);
            }
            for (int32_t j = 0; j < here; j += 4 * LISSOM_LANES) {
                lissom_vi values[4];
                uint8_t bytes[4 * LISSOM_LANES];
                LISSOM_UNROLL
                for (int32_t k = 0; k < 4; ++k) {
                    const lissom_vi some = lissom_vi_load(e + j + k * LISSOM_LANES);
                    values[k] = lissom_finish_q8_round(&f, some, multiplier, NULL, 0);
                }
                lissom_finish_q8_pack(&f, values, bytes);
                if (here - j >= 4 * LISSOM_LANES) {
                    memcpy(y + i + j, bytes, sizeof bytes);
                } else {
                    memcpy(y + i + j, bytes, (size_t)(here - j));
                }
            }
        }
    }
}

LISSOM_LEVEL_END
