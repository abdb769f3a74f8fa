#include "lissom_norm_q8.h"

void lissom_softmax_q8(const lissom_softmax_q8_params *p, const uint8_t *x, const int32_t *table, uint8_t *y)
{
    const int32_t flip = p->flip;
    for (int32_t o = 0; o < p->outer; ++o) {
        for (int32_t in = 0; in < p->inner; ++in) {
            const uint8_t *const from = x + o * p->n * p->inner + in;
            uint8_t *const to = y + o * p->n * p->inner + in;
            int32_t top = 0;
            int32_t sum = 0;
            for (int32_t i = 0; i < p->n; ++i) {
                top = lissom_larger(top, (int32_t)from[i * p->inner] ^ flip);
            }
            for (int32_t i = 0; i < p->n; ++i) {
                sum += table[top - ((int32_t)from[i * p->inner] ^ flip)];
            }
            const lissom_real whole = lissom_real_mul(lissom_real_of(p->y_scale), lissom_real_from(sum));
            const lissom_real multiplier = lissom_real_div(lissom_real_of(1.0f), whole);
            for (int32_t i = 0; i < p->n; ++i) {
                const int32_t e = table[top - ((int32_t)from[i * p->inner] ^ flip)];
                to[i * p->inner] = lissom_saturate(lissom_real_mul(lissom_real_from(e), multiplier), &p->y);
            }
        }
    }
}
