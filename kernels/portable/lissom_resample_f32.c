#include "lissom_resample.h"

void lissom_resample_f32(const lissom_resample_params *p, const float *x, const int32_t *index, const float *weight,
                         float *y)
{
    for (int32_t o = 0; o < p->outer; ++o) {
        for (int32_t j = 0; j < p->out; ++j, y += p->inner) {
            for (int32_t i = 0; i < p->inner; ++i) {
                y[i] = 0.0f;
            }
            for (int32_t t = 0; t < p->taps; ++t) {
                const float w = weight[j * p->taps + t];
                const float *const from = x + (o * p->in + index[j * p->taps + t]) * p->inner;
                for (int32_t i = 0; i < p->inner; ++i) {
                    y[i] += w * from[i];
                }
            }
        }
    }
}
