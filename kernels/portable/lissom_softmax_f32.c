#include "lissom_math.h"
#include "lissom_norm.h"

/* Sums and maxima of a row go on in so many places at once, which is a vector or two. */
#define PLACES 16

/* One row of neighbours. */
static void row(int32_t n, const float *x, float *y)
{
    float tops[PLACES];
    float sums[PLACES] = {0.0f};
    const int32_t whole = n - n % PLACES;
    float top = x[0];
    float sum = 0.0f;
    for (int32_t j = 0; j < PLACES; ++j) {
        tops[j] = top;
    }
    for (int32_t i = 0; i < whole; i += PLACES) {
        for (int32_t j = 0; j < PLACES; ++j) {
            tops[j] = x[i + j] > tops[j] ? x[i + j] : tops[j];
        }
    }
    for (int32_t j = 0; j < PLACES; ++j) {
        top = tops[j] > top ? tops[j] : top;
    }
    for (int32_t i = whole; i < n; ++i) {
        top = x[i] > top ? x[i] : top;
    }
    for (int32_t i = 0; i < whole; i += PLACES) {
        float e[PLACES];
        for (int32_t j = 0; j < PLACES; ++j) {
            e[j] = lissom_exp(x[i + j] - top);
            sums[j] += e[j];
        }
        memcpy(y + i, e, sizeof e);
    }
    for (int32_t j = 0; j < PLACES; ++j) {
        sum += sums[j];
    }
    for (int32_t i = whole; i < n; ++i) {
        y[i] = lissom_exp(x[i] - top);
        sum += y[i];
    }
    const float scale = 1.0f / sum;
    for (int32_t i = 0; i < n; ++i) {
        y[i] *= scale;
    }
}

void lissom_softmax_f32(const lissom_axis_params *p, const float *x, float *y)
{
    for (int32_t o = 0; o < p->outer; ++o) {
        if (p->inner == 1) {
            row(p->n, x + o * p->n, y + o * p->n);
            continue;
        }
        for (int32_t in = 0; in < p->inner; ++in) {
            const float *const from = x + o * p->n * p->inner + in;
            float *const to = y + o * p->n * p->inner + in;
            float top = from[0];
            float sum = 0.0f;
            for (int32_t i = 1; i < p->n; ++i) {
                top = from[i * p->inner] > top ? from[i * p->inner] : top;
            }
            for (int32_t i = 0; i < p->n; ++i) {
                to[i * p->inner] = lissom_exp(from[i * p->inner] - top);
                sum += to[i * p->inner];
            }
            const float scale = 1.0f / sum;
            for (int32_t i = 0; i < p->n; ++i) {
                to[i * p->inner] *= scale;
            }
        }
    }
}
