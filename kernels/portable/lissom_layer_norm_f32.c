#include <math.h>

#include "lissom_norm.h"

void lissom_layer_norm_f32(const lissom_row_norm_params *p, const float *x, const float *scale, const float *bias,
                           float *y)
{
    for (int32_t row = 0; row < p->rows; ++row, x += p->n, y += p->n) {
        float sum = 0.0f;
        float squares = 0.0f;
        for (int32_t i = 0; i < p->n; ++i) {
            sum += x[i];
        }
        const float mean = sum / (float)p->n;
        for (int32_t i = 0; i < p->n; ++i) {
            squares += (x[i] - mean) * (x[i] - mean);
        }
        const float factor = 1.0f / sqrtf(squares / (float)p->n + p->epsilon);
        for (int32_t i = 0; i < p->n; ++i) {
            y[i] = (x[i] - mean) * factor * scale[i] + (bias ? bias[i] : 0.0f);
        }
    }
}
