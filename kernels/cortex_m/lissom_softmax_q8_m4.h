/* Softmax of rows of signed bytes that lie together, four at a time. */
#include "lissom_norm_q8.h"

#include "lissom_finish_m4.h"

/* The largest of n bytes. */
static inline int32_t largest(const uint8_t *x, int32_t n)
{
    int32_t top = -128;
    uint32_t tops = 0x80808080u;
    for (int32_t i = 4; i <= n; i += 4, x += 4) {
        const uint32_t word = lissom_word(x);
        uint32_t difference;
        __asm__("ssub8 %1, %2, %0\n\tsel %0, %2, %0" : "+r"(tops), "=&r"(difference) : "r"(word) : "cc");
    }
    for (int32_t i = 0; i < 4; ++i) {
        top = lissom_larger(top, lissom_signed(tops, i));
    }
    for (int32_t i = 0; i < (n & 3); ++i) {
        top = lissom_larger(top, (int8_t)x[i]);
    }
    return top;
}

/* How far four bytes are below `tops`, which no byte is above. */
static inline uint32_t below(uint32_t tops, const uint8_t *x)
{
    uint32_t distances;
    __asm__("usub8 %0, %1, %2" : "=r"(distances) : "r"(tops), "r"(lissom_word(x)) : "cc");
    return distances;
}

void LISSOM_KERNEL(const lissom_softmax_q8_params *p, const uint8_t *x, const int32_t *table, uint8_t *y)
{
    const int32_t whole = p->n & ~3;
    for (int32_t row = 0; row < p->outer; ++row, x += p->n, y += p->n) {
        const int32_t top = largest(x, p->n);
        const uint32_t tops = ((uint32_t)top & 255u) * 0x01010101u;
        int32_t sum = 0;
        for (int32_t i = 0; i < whole; i += 4) {
            const uint32_t at = below(tops, x + i);
            sum += table[lissom_byte(at, 0)] + table[lissom_byte(at, 1)] + table[lissom_byte(at, 2)]
                 + table[lissom_byte(at, 3)];
        }
        for (int32_t i = whole; i < p->n; ++i) {
            sum += table[top - (int8_t)x[i]];
        }
        const float multiplier = 1.0f / (p->y_scale * (float)sum);
#define RESULT(i) lissom_to_byte((float)table[i] * multiplier, p->y.zero)
        for (int32_t i = 0; i < whole; i += 4) {
            const uint32_t at = below(tops, x + i);
            lissom_put_bytes(y + i, RESULT(lissom_byte(at, 0)), RESULT(lissom_byte(at, 1)), RESULT(lissom_byte(at, 2)),
                             RESULT(lissom_byte(at, 3)));
        }
        for (int32_t i = whole; i < p->n; ++i) {
            y[i] = (uint8_t)(RESULT(top - (int8_t)x[i]) & 255);
        }
    }
}

LISSOM_LEVEL_END
