/* Layer normalization of rows of bytes, which are unsigned on x86, signed on Arm. The sums over a row are of bytes and their squares as they are; what
 * the zero point takes off them is known at the end. */
#include "lissom_finish_q8.h"
#include "lissom_norm_q8.h"

#include <math.h>

#define BLOCK (4 * LISSOM_LANES)

typedef struct {
    lissom_finish_q8 finish;
    int32_t n;
    lissom_vi offset; /* n times the mean, as bytes are */
    lissom_vf inverse;
} row_terms;

/* Adds n <= LISSOM_LANES bytes, and their squares. */
LISSOM_INLINE void add(const uint8_t *x, const int32_t n, lissom_vi *sums, lissom_vi *squares)
{
    const lissom_vi some = lissom_vi_bytes(x, n);
    *sums = lissom_vi_add(*sums, some);
    *squares = lissom_vi_add(*squares, lissom_vi_pairs(some, some));
}

/* The results of n <= BLOCK bytes. */
LISSOM_INLINE void normalize(const row_terms *terms, const uint8_t *x, const float *scale, const float *bias, uint8_t *y,
                             const int32_t n)
{
    lissom_vi values[4];
    uint8_t bytes[BLOCK];
    LISSOM_UNROLL
    for (int32_t j = 0; j < 4; ++j) {
        const int32_t at = j * LISSOM_LANES;
        const int32_t some = lissom_smaller(LISSOM_LANES, n - at);
        values[j] = lissom_vi_set(0);
        if (some > 0) {
            const lissom_vi u = lissom_vi_mul(lissom_vi_bytes(x + at, some), lissom_vi_set(terms->n));
            const lissom_vf deviation = lissom_vf_of(lissom_vi_sub(u, terms->offset));
            lissom_vf v = lissom_vf_mul(lissom_vf_mul(deviation, terms->inverse), lissom_vf_load_n(scale + at, some));
            v = bias ? lissom_vf_add(v, lissom_vf_load_n(bias + at, some)) : v;
            values[j] = lissom_vi_round(lissom_vf_min(v, terms->finish.high));
        }
    }
    lissom_finish_q8_pack(&terms->finish, values, bytes);
    memcpy(y, bytes, (size_t)n);
}

void LISSOM_KERNEL(const lissom_layer_norm_q8_params *p, const uint8_t *x, const float *scale, const float *bias,
                   uint8_t *y)
{
    const int32_t n = p->n;
    const int32_t zero = p->x.zero - p->x.flip;
    row_terms terms = {lissom_finish_q8_of(&p->y, NULL), n, lissom_vi_set(0), lissom_vf_set(0.0f)};
    for (int32_t row = 0; row < p->rows; ++row, x += n, y += n) {
        lissom_vi sums = lissom_vi_set(0);
        lissom_vi squares = lissom_vi_set(0);
        int32_t i = 0;
        for (; i + LISSOM_LANES <= n; i += LISSOM_LANES) {
            add(x + i, LISSOM_LANES, &sums, &squares);
        }
        if (i < n) {
            add(x + i, n - i, &sums, &squares);
        }
        const int32_t total = lissom_vi_sum(sums);
        const int32_t sum = total - n * zero;
        const int64_t square = (int64_t)lissom_vi_sum(squares) - 2 * (int64_t)zero * total + (int64_t)n * zero * zero;
        const int64_t variance = n * square - (int64_t)sum * sum;
        terms.inverse = lissom_vf_set(1.0f / sqrtf((float)variance + p->spread));
        terms.offset = lissom_vi_set(n * zero + sum);
        for (i = 0; i + BLOCK <= n; i += BLOCK) {
            normalize(&terms, x + i, scale + i, bias ? bias + i : NULL, y + i, BLOCK);
        }
        if (i < n) {
            normalize(&terms, x + i, scale + i, bias ? bias + i : NULL, y + i, n - i);
        }
    }
}

LISSOM_LEVEL_END
