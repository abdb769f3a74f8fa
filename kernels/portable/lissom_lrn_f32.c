#include <math.h>

#include "lissom_norm.h"

void lissom_lrn_f32(const lissom_lrn_params *p, const float *x, float *y)
{
    const int32_t before = (p->size - 1) / 2;
    const int32_t after = p->size - 1 - before;
    for (int32_t o = 0; o < p->outer; ++o) {
        for (int32_t c = 0; c < p->channels; ++c) {
            const int32_t first = lissom_larger(0, c - before);
            const int32_t last = lissom_smaller(p->channels - 1, c + after);
            for (int32_t i = 0; i < p->inner; ++i) {
                float squares = 0.0f;
                for (int32_t j = first; j <= last; ++j) {
                    const float v = x[(o * p->channels + j) * p->inner + i];
                    squares += v * v;
                }
                const int32_t at = (o * p->channels + c) * p->inner + i;
                y[at] = x[at] / powf(p->bias + p->alpha / (float)p->size * squares, p->beta);
            }
        }
    }
}
