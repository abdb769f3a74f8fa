/* Convolutions over 1 to 3 spatial axes: x (N, C, D, H, W), w (O, C/groups, D, H, W), y (N, O, D, H, W); leading
 * spatial axes that the model lacks have size 1. */
#ifndef LISSOM_CONV_H
#define LISSOM_CONV_H

#include "lissom_requantize.h"

/* Output channels and columns that are accumulated at once. */
#define LISSOM_CONV_CHANNELS 4
#define LISSOM_CONV_COLUMNS 64

typedef struct {
    int32_t batch;
    int32_t groups;
    int32_t in_channels;  /* of one group */
    int32_t out_channels; /* of one group */
    int32_t in[3];
    int32_t out[3];
    int32_t kernel[3];
    int32_t stride[3];
    int32_t dilation[3];
    int32_t pad[3];     /* at the beginning */
    int32_t x_pixel;    /* channels last: elements from one position to the next, which are */
    int32_t y_pixel;    /* groups times channels or, where an image is a part of a wider one, more */
    int32_t skip_pixel; /* of the operand that is added */
    float low;          /* y is clamped to [low, high]: a Relu or Clip that follows */
    float high;
} lissom_conv_params;

typedef struct {
    lissom_conv_params conv; /* low and high unused */
    lissom_q8_input x;
    lissom_q8_output y;
    int32_t w_plain; /* w is int8 with zero point 0; 2: and none is -128 */
    int32_t w_flip;
    int32_t w_zero_stride; /* 0: one zero point for all channels, 1: one each */
    int32_t multiplier_stride;
    int32_t reach; /* no sum, with bias, is further from 0; outputs without weights aside */
    int32_t small;  /* w is int8 from -64 to 64 */
    int32_t narrow; /* sums of products, without bias, fit in 26 bits */
    int32_t bounded; /* sums times their multipliers fit in 32 bits */
    lissom_q8_residual skip; /* used where there is a skip operand */
} lissom_conv_q8_params;

/* The outputs [*first, *last) of one axis whose tap at `offset` (k * dilation - pad) lies inside the input. */
static inline void lissom_tap_range(int32_t out, int32_t in, int32_t stride, int32_t offset, int32_t *first,
                                    int32_t *last)
{
    *first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
    *last = in - 1 - offset < 0 ? 0 : lissom_smaller(out, (in - 1 - offset) / stride + 1);
}

/* skip, where there is one, is added before y is clamped. */
void lissom_conv_f32(const lissom_conv_params *p, const float *x, const float *w, const float *b, const float *skip,
                     float *y, void *scratch);
void lissom_conv_q8(const lissom_conv_q8_params *p, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                    const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch);
void lissom_conv_q8_patches(const lissom_conv_q8_params *p, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                            const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch);
/* w (C, O/groups, D, H, W); stride, dilation and pad as of the convolution this is the transpose of. */
void lissom_conv_transpose_f32(const lissom_conv_params *p, const float *x, const float *w, const float *b, float *y);

#endif
