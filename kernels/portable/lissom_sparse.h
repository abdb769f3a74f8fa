/* Convolutions with few weights that are not zero, of one group. w is a stream of bytes:
 *
 *     for each output channel   int32 bias, float multiplier, int32 where its entries end, counted from the first
 *     for each entry            uint16 where in a window it is
 *     for each entry            its weights
 *
 * An entry is one weight, or a block of four along the channels of one tap (backends/c/packing, "sparse"). For floats
 * there is no multiplier, and entries are single weights. */
#ifndef LISSOM_SPARSE_H
#define LISSOM_SPARSE_H

#include <string.h>

#include "lissom_conv.h"

#define LISSOM_SPARSE_HEAD 12
#define LISSOM_SPARSE_F32_HEAD 8

typedef struct {
    lissom_conv_params conv; /* low and high unused */
    lissom_q8_input x;
    lissom_q8_output y;
    int32_t nonzeros; /* weights */
    int32_t blocks;   /* of four that hold some */
    int32_t fullest;  /* of those of each sixteen output channels, what the channel has that has most, added up */
    int32_t reach, w_plain, bounded; /* as of a dense convolution */
} lissom_sparse_q8_params;

typedef struct {
    lissom_conv_params conv;
    int32_t nonzeros; /* weights */
} lissom_sparse_f32_params;

/* Number i of those of an output channel. */
static inline int32_t lissom_sparse_i32(const uint8_t *w, int32_t channel, int32_t i)
{
    int32_t v;
    memcpy(&v, w + channel * LISSOM_SPARSE_HEAD + i * 4, 4);
    return v;
}

static inline float lissom_sparse_multiplier(const uint8_t *w, int32_t channel)
{
    float v;
    memcpy(&v, w + channel * LISSOM_SPARSE_HEAD + 4, 4);
    return v;
}

/* Where an output channel's entries begin. */
static inline int32_t lissom_sparse_first(const uint8_t *w, int32_t channel)
{
    return channel ? lissom_sparse_i32(w, channel - 1, 2) : 0;
}

static inline int32_t lissom_sparse_index(const uint8_t *indices, int32_t entry)
{
    uint16_t v;
    memcpy(&v, indices + 2 * entry, 2);
    return v;
}

static inline float lissom_sparse_f32_bias(const uint8_t *w, int32_t channel)
{
    float v;
    memcpy(&v, w + channel * LISSOM_SPARSE_F32_HEAD, 4);
    return v;
}

/* Where an output channel's entries end. */
static inline int32_t lissom_sparse_f32_last(const uint8_t *w, int32_t channel)
{
    int32_t v;
    memcpy(&v, w + channel * LISSOM_SPARSE_F32_HEAD + 4, 4);
    return v;
}

/* Channels first, for a weight at `index` of a window (channel, tap): which outputs [*first, *last) of [begin, end) in row
 * (od, oh) it meets, none where the tap lies outside x; returns where in x output 0 of the row would meet it. */
static inline int32_t lissom_sparse_meets(const lissom_conv_params *p, int32_t index, int32_t od, int32_t oh,
                                          int32_t begin, int32_t end, int32_t *first, int32_t *last)
{
    const int32_t area = p->kernel[1] * p->kernel[2];
    const int32_t taps = p->kernel[0] * area;
    const int32_t tap = index % taps;
    const int32_t d = od * p->stride[0] + tap / area * p->dilation[0] - p->pad[0];
    const int32_t h = oh * p->stride[1] + tap % area / p->kernel[2] * p->dilation[1] - p->pad[1];
    const int32_t offset = tap % p->kernel[2] * p->dilation[2] - p->pad[2];
    lissom_tap_range(p->out[2], p->in[2], p->stride[2], offset, first, last);
    *first = lissom_larger(*first, begin);
    *last = d < 0 || d >= p->in[0] || h < 0 || h >= p->in[1] ? *first : lissom_smaller(*last, end);
    return ((index / taps * p->in[0] + d) * p->in[1] + h) * p->in[2] + offset;
}

void lissom_sparse_conv_f32(const lissom_sparse_f32_params *q, const float *x, const uint8_t *w, float *y, void *scratch);
void lissom_sparse_conv_q8(const lissom_sparse_q8_params *q, const uint8_t *x, const uint8_t *w, uint8_t *y,
                           void *scratch);

#endif
