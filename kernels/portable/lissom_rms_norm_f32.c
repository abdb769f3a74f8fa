#include <math.h>

#include "lissom_norm.h"
#include "lissom_rows.h"

void lissom_rms_norm_f32(const lissom_row_norm_params *p, const float *x, const float *scale, float *y)
{
    for (int32_t row = 0; row < p->rows; ++row, x += p->n, y += p->n) {
        const float factor = 1.0f / sqrtf(lissom_row_sum(x, p->n, 0.0f, 1) / (float)p->n + p->epsilon);
        for (int32_t i = 0; i < p->n; ++i) {
            y[i] = x[i] * factor * scale[i];
        }
    }
}
