/* Convolutions with few weights that are not zero, of one group. w is a stream of bytes:
 *
 *     for each output channel   int32 bias, float multiplier, int32 where its entries end, counted from the first
 *     for each entry            uint16 where in a window it is
 *     for each entry            its weights
 *
 * An entry is one weight, or a block of four along the channels of one tap (backends/c/packing.py, "sparse"). */
#ifndef LISSOM_SPARSE_H
#define LISSOM_SPARSE_H

#include <string.h>

#include "lissom_conv.h"

#define LISSOM_SPARSE_HEAD 12

typedef struct {
    lissom_conv_params conv; /* low and high unused */
    lissom_q8_input x;
    lissom_q8_output y;
    int32_t nonzeros; /* weights */
    int32_t blocks;   /* of four that hold some */
} lissom_sparse_q8_params;

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

void lissom_sparse_conv_q8(const lissom_sparse_q8_params *q, const uint8_t *x, const uint8_t *w, uint8_t *y,
                           void *scratch);

#endif
