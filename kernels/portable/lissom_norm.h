/* Normalizations and softmax, in float32. */
#ifndef LISSOM_NORM_H
#define LISSOM_NORM_H

#include "lissom_common.h"

/* Rows of n elements, normalized each by itself. */
typedef struct {
    int32_t rows;
    int32_t n;
    float epsilon;
} lissom_row_norm_params;

/* x (batch, groups, channels, inner); statistics over (channels, inner), scale and bias by group and channel. */
typedef struct {
    int32_t batch, groups, channels, inner;
    float epsilon;
} lissom_group_norm_params;

/* x (outer, n, inner), along the middle axis. */
typedef struct {
    int32_t outer, n, inner;
} lissom_axis_params;

typedef struct {
    int32_t outer, channels, inner;
    int32_t size; /* channels in a neighbourhood */
    float alpha, beta, bias;
} lissom_lrn_params;

void lissom_layer_norm_f32(const lissom_row_norm_params *p, const float *x, const float *scale, const float *bias,
                           float *y);
void lissom_rms_norm_f32(const lissom_row_norm_params *p, const float *x, const float *scale, float *y);
void lissom_group_norm_f32(const lissom_group_norm_params *p, const float *x, const float *scale, const float *bias,
                           float *y);
/* y = x * scale + shift, by channel, which is the middle axis: a batch normalization. */
void lissom_scale_shift_f32(const lissom_axis_params *p, const float *x, const float *scale, const float *shift,
                            float *y);
void lissom_softmax_f32(const lissom_axis_params *p, const float *x, float *y);
void lissom_log_softmax_f32(const lissom_axis_params *p, const float *x, float *y);
void lissom_lrn_f32(const lissom_lrn_params *p, const float *x, float *y);

#endif
