/* Interpolation, and tables that differ by channel, on 8-bit tensors: docs/numerics.md. */
#ifndef LISSOM_SPATIAL_Q8_H
#define LISSOM_SPATIAL_Q8_H

#include "lissom_requantize.h"

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

/* `index` and `weight` hold (out, taps) numbers of each axis in turn. */
void lissom_resize_q8(const lissom_resize_q8_params *p, const uint8_t *x, const int32_t *index, const int32_t *weight,
                      uint8_t *y);
/* y = table[channel][x], by the bits of x. */
void lissom_lookup_channels(const lissom_lookup_channels_params *p, const uint8_t *x, const uint8_t *table, uint8_t *y);

#endif
