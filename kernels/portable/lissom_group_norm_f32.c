#include <math.h>

#include "lissom_norm.h"

void lissom_group_norm_f32(const lissom_group_norm_params *p, const float *x, const float *scale, const float *bias,
                           float *y)
{
    const int32_t n = p->channels * p->inner;
    for (int32_t bg = 0; bg < p->batch * p->groups; ++bg, x += n, y += n) {
        const int32_t first = bg % p->groups * p->channels;
        float sum = 0.0f;
        float squares = 0.0f;
        for (int32_t i = 0; i < n; ++i) {
            sum += x[i];
        }
        const float mean = sum / (float)n;
        for (int32_t i = 0; i < n; ++i) {
            squares += (x[i] - mean) * (x[i] - mean);
        }
        const float factor = 1.0f / sqrtf(squares / (float)n + p->epsilon);
        for (int32_t i = 0; i < n; ++i) {
            const int32_t c = first + i / p->inner;
            y[i] = (x[i] - mean) * factor * scale[c] + bias[c];
        }
    }
}
