/* Transposed convolution, interpolation, and tables that differ by channel, on 8-bit tensors: docs/numerics.md. */
#ifndef LISSOM_SPATIAL_Q8_H
#define LISSOM_SPATIAL_Q8_H

#include "lissom_conv.h"

typedef struct {
    lissom_conv_params conv; /* of the convolution this is the transpose of; low and high unused */
    lissom_q8_input x;
    lissom_q8_output y;
    int32_t multiplier_stride; /* 0: one multiplier for all channels, 1: one each */
} lissom_conv_transpose_q8_params;

/* x (outer, in[0], in[1], in[2], inner) to y (outer, out[0], out[1], out[2], inner). */
typedef struct {
    int32_t outer, inner;
    int32_t in[3];
    int32_t out[3];
    int32_t taps[3]; /* inputs of an output along each axis */
    lissom_q8_input x;
    lissom_q8_output y;
    float multiplier;
} lissom_resize_q8_params;

typedef struct {
    int32_t outer, channels, inner;
    int32_t element; /* bytes of one element of the table */
} lissom_lookup_channels_params;

/* w (C, O/groups, D, H, W), int8 with zero point 0. */
void lissom_conv_transpose_q8(const lissom_conv_transpose_q8_params *p, const uint8_t *x, const int8_t *w,
                              const float *multiplier, const int32_t *b, uint8_t *y);
/* `index` and `weight` hold (out, taps) numbers of each axis in turn. */
void lissom_resize_q8(const lissom_resize_q8_params *p, const uint8_t *x, const int32_t *index, const int32_t *weight,
                      uint8_t *y);
/* y = table[channel][x], by the bits of x. */
void lissom_lookup_channels(const lissom_lookup_channels_params *p, const uint8_t *x, const uint8_t *table, uint8_t *y);

#endif
