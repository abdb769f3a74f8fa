/* Pools over 1 to 3 spatial axes: x (N, C, D, H, W), or channels last; leading spatial axes that the model lacks have
 * size 1. */
#ifndef LISSOM_POOL_H
#define LISSOM_POOL_H

#include "lissom_requantize.h"

typedef struct {
    int32_t batch;
    int32_t channels;
    int32_t in[3];
    int32_t out[3];
    int32_t kernel[3];
    int32_t stride[3];
    int32_t dilation[3];
    int32_t pad[3];     /* at the beginning */
    int32_t pad_end[3];
    int32_t count_pads; /* whether an average divides by the positions in the padding too */
    int32_t x_pixel;    /* channels last: elements from one position to the next */
    int32_t y_pixel;
} lissom_pool_params;

typedef struct {
    lissom_pool_params pool;
    lissom_q8_input x;
    lissom_q8_output y;
    float x_scale;
    float y_scale;
} lissom_pool_q8_params;

/* The taps [*first, *last) of one axis that fall into the input, for output `o`; returns how many fall into the input
 * and its padding. */
static inline int32_t lissom_window(const lissom_pool_params *p, int32_t axis, int32_t o, int32_t *first, int32_t *last)
{
    const int32_t start = o * p->stride[axis] - p->pad[axis];
    const int32_t d = p->dilation[axis];
    const int32_t padded = p->in[axis] + p->pad_end[axis];
    if (start >= 0 && start + (p->kernel[axis] - 1) * d < p->in[axis]) { /* most windows, and no division */
        *first = 0;
        *last = p->kernel[axis];
        return p->kernel[axis];
    }
    *first = start >= 0 ? 0 : lissom_smaller(p->kernel[axis], (-start + d - 1) / d);
    *last = start >= p->in[axis] ? 0 : lissom_smaller(p->kernel[axis], (p->in[axis] - 1 - start) / d + 1);
    *last = lissom_larger(*first, *last);
    return start >= padded ? 0 : lissom_smaller(p->kernel[axis], (padded - 1 - start) / d + 1);
}

/* Loops over the windows of all planes: OPEN once a window, STEP for each element `v`, CLOSE with `count` elements. */
#define LISSOM_POOL(P, X, TYPE, OPEN, STEP, CLOSE)                                                              \
    for (int32_t plane = 0; plane < (P)->batch * (P)->channels; ++plane) {                                      \
        const TYPE *const from = (X) + plane * (P)->in[0] * (P)->in[1] * (P)->in[2];                            \
        for (int32_t o = 0; o < (P)->out[0] * (P)->out[1] * (P)->out[2]; ++o) {                                 \
            const int32_t od = o / ((P)->out[1] * (P)->out[2]);                                                 \
            const int32_t oh = o / (P)->out[2] % (P)->out[1];                                                   \
            const int32_t ow = o % (P)->out[2];                                                                 \
            int32_t d0, d1, h0, h1, w0, w1;                                                                     \
            int32_t count = lissom_window((P), 0, od, &d0, &d1);                                                \
            count *= lissom_window((P), 1, oh, &h0, &h1);                                                       \
            count *= lissom_window((P), 2, ow, &w0, &w1);                                                       \
            if (!(P)->count_pads) {                                                                             \
                count = (d1 - d0) * (h1 - h0) * (w1 - w0);                                                      \
            }                                                                                                   \
            count = count > 0 ? count : 1;                                                                      \
            OPEN;                                                                                               \
            for (int32_t kd = d0; kd < d1; ++kd) {                                                              \
                const int32_t d = od * (P)->stride[0] - (P)->pad[0] + kd * (P)->dilation[0];                    \
                for (int32_t kh = h0; kh < h1; ++kh) {                                                          \
                    const int32_t h = oh * (P)->stride[1] - (P)->pad[1] + kh * (P)->dilation[1];                \
                    for (int32_t kw = w0; kw < w1; ++kw) {                                                      \
                        const int32_t w = ow * (P)->stride[2] - (P)->pad[2] + kw * (P)->dilation[2];            \
                        const TYPE v = from[(d * (P)->in[1] + h) * (P)->in[2] + w];                             \
                        STEP;                                                                                   \
                    }                                                                                           \
                }                                                                                               \
            }                                                                                                   \
            CLOSE;                                                                                              \
        }                                                                                                       \
    }

void lissom_max_pool_f32(const lissom_pool_params *p, const float *x, float *y);
void lissom_max_pool_i8(const lissom_pool_params *p, const int8_t *x, int8_t *y);
void lissom_max_pool_u8(const lissom_pool_params *p, const uint8_t *x, uint8_t *y);
void lissom_average_pool_f32(const lissom_pool_params *p, const float *x, float *y);
void lissom_average_pool_q8(const lissom_pool_q8_params *q, const uint8_t *x, uint8_t *y);

#endif
