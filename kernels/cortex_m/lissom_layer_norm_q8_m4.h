/* Layer normalization of rows of signed bytes, four at a time. The sums over a row are of bytes and their squares as they
 * are; what the zero point takes off them is known at the end. */
#include "lissom_norm_q8.h"

#include "lissom_finish_m4.h"

typedef struct {
    int32_t n, offset; /* a deviation is n times a byte, less the offset */
    int32_t zero;
    float inverse;
} row;

static inline int32_t normal(const row *r, int32_t byte, const float *scale, const float *bias)
{
    const float v = (float)(byte * r->n - r->offset) * r->inverse * *scale;
    return lissom_to_byte(bias ? v + *bias : v, r->zero);
}

static inline void normalize(const row *r, const uint8_t *x, const float *scale, const float *bias, uint8_t *y)
{
#define RESULT(i) normal(r, lissom_signed(word, i), scale + (i), bias ? bias + (i) : NULL)
    const int32_t whole = r->n & ~3;
    for (int32_t i = 0; i < whole; i += 4, scale += 4, bias = bias ? bias + 4 : NULL) {
        const uint32_t word = lissom_word(x + i);
        lissom_put_bytes(y + i, RESULT(0), RESULT(1), RESULT(2), RESULT(3));
    }
    for (int32_t i = whole; i < r->n; ++i) {
        y[i] = (uint8_t)(normal(r, (int8_t)x[i], scale + i - whole, bias ? bias + i - whole : NULL) & 255);
    }
}

void LISSOM_KERNEL(const lissom_layer_norm_q8_params *p, const uint8_t *x, const float *scale, const float *bias,
                   uint8_t *y)
{
    const int32_t n = p->n;
    const int32_t zero = p->x.zero - 128;
    for (int32_t i = 0; i < p->rows; ++i, x += n, y += n) {
        int32_t total = 0;
        int32_t squares = 0;
        int32_t at = 0;
        for (; at + 4 <= n; at += 4) {
            const uint32_t even = lissom_even_bytes(lissom_word(x + at));
            const uint32_t odd = lissom_odd_bytes(lissom_word(x + at));
            __asm__("smlad %0, %1, %2, %0" : "+r"(total) : "r"(even), "r"(0x00010001u));
            __asm__("smlad %0, %1, %2, %0" : "+r"(total) : "r"(odd), "r"(0x00010001u));
            __asm__("smlad %0, %1, %1, %0" : "+r"(squares) : "r"(even));
            __asm__("smlad %0, %1, %1, %0" : "+r"(squares) : "r"(odd));
        }
        for (; at < n; ++at) {
            const int32_t v = (int8_t)x[at];
            total += v;
            squares += v * v;
        }
        const int32_t sum = total - n * zero;
        const int64_t square = (int64_t)squares - 2 * (int64_t)zero * total + (int64_t)n * zero * zero;
        const int64_t variance = n * square - (int64_t)sum * sum;
        const row r = {n, n * zero + sum, p->y.zero, 1.0f / sqrtf((float)variance + p->spread)};
        if (bias) {
            normalize(&r, x, scale, bias, y);
        } else {
            normalize(&r, x, scale, NULL, y);
        }
    }
}

LISSOM_LEVEL_END
