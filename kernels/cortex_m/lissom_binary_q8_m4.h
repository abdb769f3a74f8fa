/* Arithmetic of signed bytes, on rows that lie together: y = a + b, with LISSOM_MINUS a - b, with LISSOM_TIMES a * b. */
#include "lissom_add_q8_words.h"
#include "lissom_finish_m4.h"
#include "lissom_quantize.h"

#if LISSOM_TIMES
/* n products. */
static inline void products(const lissom_binary_q8_params *p, const uint8_t *a, const uint8_t *b, uint8_t *y, int32_t n)
{
#define PRODUCT(u, v) \
    lissom_to_byte((float)(((u) + 128 - p->a.zero) * ((v) + 128 - p->b.zero)) * p->multiplier, p->y.zero)
#define OF_WORDS(i) PRODUCT(lissom_signed(u, i), lissom_signed(v, i))
    const int32_t whole = n & ~3;
    for (int32_t i = 0; i < whole; i += 4) {
        const uint32_t u = lissom_word(a + i);
        const uint32_t v = lissom_word(b + i);
        lissom_put_bytes(y + i, OF_WORDS(0), OF_WORDS(1), OF_WORDS(2), OF_WORDS(3));
    }
    for (int32_t i = whole; i < n; ++i) {
        y[i] = (uint8_t)(PRODUCT((int8_t)a[i], (int8_t)b[i]) & 255);
    }
}
#endif

void LISSOM_KERNEL(const lissom_binary_q8_params *p, const uint8_t *a, const uint8_t *b, uint8_t *y)
{
    const int32_t last = p->rank - 1;
    const int32_t n = p->size[last];
    int32_t index[LISSOM_MAX_RANK] = {0};
    int32_t rows = 1;
    int32_t ia = 0;
    int32_t ib = 0;
    for (int32_t axis = 0; axis < last; ++axis) {
        rows *= p->size[axis];
    }
#if !LISSOM_TIMES
    const float ratio = LISSOM_MINUS ? -p->b_ratio : p->b_ratio;
    const lissom_addition how = {0, 128 - p->a.zero, 128 - p->b.zero, p->y.zero, p->a_ratio, ratio};
#endif
    for (int32_t row = 0; row < rows; ++row, y += n) {
#if LISSOM_TIMES
        products(p, a + ia, b + ib, y, n);
#else
        lissom_add_bytes(&how, a + ia, b + ib, y, n);
#endif
        lissom_step(last, p->size, index, p->a_stride, &ia, p->b_stride, &ib);
    }
}

LISSOM_LEVEL_END
