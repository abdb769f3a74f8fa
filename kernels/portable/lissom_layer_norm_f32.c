#include <math.h>

#include "lissom_norm.h"
#include "lissom_rows.h"

void lissom_layer_norm_f32(const lissom_row_norm_params *p, const float *x, const float *scale, const float *bias,
                           float *y)
{
    for (int32_t row = 0; row < p->rows; ++row, x += p->n, y += p->n) {
        const float mean = lissom_row_sum(x, p->n, 0.0f, 0) / (float)p->n;
        const float squares = lissom_row_sum(x, p->n, mean, 1);
        const float factor = 1.0f / sqrtf(squares / (float)p->n + p->epsilon);
        for (int32_t i = 0; i < p->n; ++i) {
            y[i] = (x[i] - mean) * factor * scale[i];
        }
        for (int32_t i = 0; bias != NULL && i < p->n; ++i) {
            y[i] += bias[i];
        }
    }
}
