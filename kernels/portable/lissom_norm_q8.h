/* Softmax and layer normalization on 8-bit tensors: docs/numerics.md. Sums are exact. */
#ifndef LISSOM_NORM_Q8_H
#define LISSOM_NORM_Q8_H

#include "lissom_requantize.h"

/* x (outer, n, inner), along the middle axis. */
typedef struct {
    int32_t outer, n, inner;
    int32_t flip; /* of x */
    lissom_q8_output y;
    float y_scale;
} lissom_softmax_q8_params;

/* Rows of n elements. */
typedef struct {
    int32_t rows, n;
    lissom_q8_input x;
    lissom_q8_output y;
    float spread; /* epsilon in the units of the variance */
} lissom_layer_norm_q8_params;

void lissom_softmax_q8(const lissom_softmax_q8_params *p, const uint8_t *x, const int32_t *table, uint8_t *y);
/* `scale` and `bias` are divided by the scale of y. */
void lissom_layer_norm_q8(const lissom_layer_norm_q8_params *p, const uint8_t *x, const float *scale,
                          const float *bias, uint8_t *y);

#endif
