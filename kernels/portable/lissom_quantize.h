/* Between float and 8-bit tensors, and arithmetic on 8-bit tensors that is not a sum of products. */
#ifndef LISSOM_QUANTIZE_H
#define LISSOM_QUANTIZE_H

#include "lissom_requantize.h"

/* Scales lie along the middle one of three axes; per tensor, that axis has size 1. */
typedef struct {
    int32_t outer, channels, inner;
    int32_t turned; /* y is (outer, inner, channels) */
} lissom_channel_params;

typedef struct {
    int32_t rank; /* 1 or more; y is contiguous */
    int32_t size[LISSOM_MAX_RANK];
    int32_t a_stride[LISSOM_MAX_RANK]; /* 0 along a broadcast axis */
    int32_t b_stride[LISSOM_MAX_RANK];
    lissom_q8_input a;
    lissom_q8_input b;
    lissom_q8_output y;
    float a_ratio; /* of an addition: a_scale / y_scale */
    float b_ratio; /* of an addition: b_scale / y_scale */
    float multiplier; /* of a product: a_scale * b_scale / y_scale */
} lissom_binary_q8_params;

typedef struct {
    int32_t count;
    int32_t element; /* bytes of one element of the table */
} lissom_lookup_params;

/* Each channel has its own output description: range and zero point. */
void lissom_quantize_q8(const lissom_channel_params *p, const float *x, const float *scale, const lissom_q8_output *q,
                        uint8_t *y);
void lissom_dequantize_i8(const lissom_channel_params *p, const int8_t *x, const float *scale, const int8_t *zero,
                          float *y);
void lissom_dequantize_u8(const lissom_channel_params *p, const uint8_t *x, const float *scale, const uint8_t *zero,
                          float *y);
void lissom_dequantize_i32(const lissom_channel_params *p, const int32_t *x, const float *scale, const int32_t *zero,
                           float *y);
void lissom_add_q8(const lissom_binary_q8_params *p, const uint8_t *a, const uint8_t *b, uint8_t *y);
void lissom_mul_q8(const lissom_binary_q8_params *p, const uint8_t *a, const uint8_t *b, uint8_t *y);
void lissom_sub_q8(const lissom_binary_q8_params *p, const uint8_t *a, const uint8_t *b, uint8_t *y);
/* y[i] = table[x[i]], by the bits of x. */
void lissom_lookup(const lissom_lookup_params *p, const uint8_t *x, const uint8_t *table, uint8_t *y);

#endif
