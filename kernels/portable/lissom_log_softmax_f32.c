#include <math.h>

#include "lissom_norm.h"

void lissom_log_softmax_f32(const lissom_axis_params *p, const float *x, float *y)
{
    for (int32_t o = 0; o < p->outer; ++o) {
        for (int32_t in = 0; in < p->inner; ++in) {
            const float *const from = x + o * p->n * p->inner + in;
            float *const to = y + o * p->n * p->inner + in;
            float top = from[0];
            float sum = 0.0f;
            for (int32_t i = 1; i < p->n; ++i) {
                top = from[i * p->inner] > top ? from[i * p->inner] : top;
            }
            for (int32_t i = 0; i < p->n; ++i) {
                sum += expf(from[i * p->inner] - top);
            }
            const float log_sum = logf(sum);
            for (int32_t i = 0; i < p->n; ++i) {
                to[i * p->inner] = from[i * p->inner] - top - log_sum;
            }
        }
    }
}
