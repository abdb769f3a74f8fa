#include "lissom_norm_q8.h"

void lissom_layer_norm_q8(const lissom_layer_norm_q8_params *p, const uint8_t *x, const float *scale,
                          const float *bias, uint8_t *y)
{
    for (int32_t row = 0; row < p->rows; ++row, x += p->n, y += p->n) {
        int32_t sum = 0;
        int32_t squares = 0;
        for (int32_t i = 0; i < p->n; ++i) {
            const int32_t u = lissom_centred(x[i], p->x.flip, p->x.zero);
            sum += u;
            squares += u * u;
        }
        const int64_t variance = (int64_t)p->n * squares - (int64_t)sum * sum;
        const lissom_real spread = lissom_real_add(lissom_real_from_long(variance), lissom_real_of(p->spread));
        const lissom_real inverse = lissom_real_div(lissom_real_of(1.0f), lissom_real_sqrt(spread));
        for (int32_t i = 0; i < p->n; ++i) {
            const int32_t deviation = p->n * lissom_centred(x[i], p->x.flip, p->x.zero) - sum;
            const lissom_real part = lissom_real_mul(lissom_real_from(deviation), inverse);
            const lissom_real normal = lissom_real_mul(part, lissom_real_of(scale[i]));
            y[i] = lissom_saturate(bias ? lissom_real_add(normal, lissom_real_of(bias[i])) : normal, &p->y);
        }
    }
}
