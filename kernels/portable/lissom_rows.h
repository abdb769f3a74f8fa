/* Sums over a row of neighbours, in so many places at once that compilers keep them in vectors. */
#ifndef LISSOM_ROWS_H
#define LISSOM_ROWS_H

#include "lissom_common.h"

#define LISSOM_PLACES 32

/* The sum of (x - offset)^2, or where `squares` is 0 of x - offset. */
static inline float lissom_row_sum(const float *x, int32_t n, float offset, int squares)
{
    float sums[LISSOM_PLACES] = {0.0f};
    float sum = 0.0f;
    const int32_t whole = n - n % LISSOM_PLACES;
    for (int32_t i = 0; i < whole; i += LISSOM_PLACES) {
        for (int32_t j = 0; j < LISSOM_PLACES; ++j) {
            const float v = x[i + j] - offset;
            sums[j] += squares ? v * v : v;
        }
    }
    for (int32_t i = whole; i < n; ++i) {
        const float v = x[i] - offset;
        sum += squares ? v * v : v;
    }
    for (int32_t width = LISSOM_PLACES / 2; width > 0; width /= 2) {
        for (int32_t j = 0; j < width; ++j) {
            sums[j] += sums[j + width];
        }
    }
    return sum + sums[0];
}

#endif
