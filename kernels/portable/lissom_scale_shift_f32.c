#include "lissom_norm.h"

void lissom_scale_shift_f32(const lissom_axis_params *p, const float *x, const float *scale, const float *shift,
                            float *y)
{
    for (int32_t row = 0; row < p->outer * p->n; ++row, x += p->inner, y += p->inner) {
        const float s = scale[row % p->n];
        const float t = shift[row % p->n];
        for (int32_t i = 0; i < p->inner; ++i) {
            y[i] = x[i] * s + t;
        }
    }
}
