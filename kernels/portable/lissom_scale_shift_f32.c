#include "lissom_norm.h"

void lissom_scale_shift_f32(const lissom_axis_params *p, const float *x, const float *scale, const float *shift,
                            float *y)
{
    if (p->inner == 1) { /* channels last: all of a position at once */
        for (int32_t o = 0; o < p->outer; ++o, x += p->n, y += p->n) {
            for (int32_t i = 0; i < p->n; ++i) {
                y[i] = x[i] * scale[i] + shift[i];
            }
        }
        return;
    }
    for (int32_t row = 0; row < p->outer * p->n; ++row, x += p->inner, y += p->inner) {
        const float s = scale[row % p->n];
        const float t = shift[row % p->n];
        for (int32_t i = 0; i < p->inner; ++i) {
            y[i] = x[i] * s + t;
        }
    }
}
