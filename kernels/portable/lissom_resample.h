/* Kernels along one axis of x (outer, n, inner). */
#ifndef LISSOM_RESAMPLE_H
#define LISSOM_RESAMPLE_H

#include "lissom_common.h"

typedef struct {
    int32_t outer, in, out, inner;
    int32_t taps;
} lissom_resample_params;

typedef struct {
    int32_t outer, n, inner;
    int32_t smallest; /* look for the smallest, not the largest */
    int32_t last;     /* of equal ones take the last */
} lissom_arg_params;

typedef struct {
    int32_t outer, n, inner;
    int32_t k;
    int32_t smallest;
} lissom_topk_params;

typedef struct {
    int32_t outer, n, inner;
    int32_t exclusive;
    int32_t reverse;
} lissom_scan_params;

/* y[o, j, i] = sum over t of weight[j, t] * x[o, index[j, t], i]: linear and cubic resizing along one axis. */
void lissom_resample_f32(const lissom_resample_params *p, const float *x, const int32_t *index, const float *weight,
                         float *y);
void lissom_arg_f32(const lissom_arg_params *p, const float *x, int64_t *y);
void lissom_arg_i8(const lissom_arg_params *p, const int8_t *x, int64_t *y);
void lissom_arg_u8(const lissom_arg_params *p, const uint8_t *x, int64_t *y);
void lissom_arg_i32(const lissom_arg_params *p, const int32_t *x, int64_t *y);
void lissom_arg_i64(const lissom_arg_params *p, const int64_t *x, int64_t *y);
/* The k largest in falling order (smallest in rising order); of equal ones the earlier comes first. */
void lissom_topk_f32(const lissom_topk_params *p, const float *x, float *y, int64_t *index);
void lissom_topk_i64(const lissom_topk_params *p, const int64_t *x, int64_t *y, int64_t *index);
void lissom_cumsum_f32(const lissom_scan_params *p, const float *x, float *y);
void lissom_cumsum_i32(const lissom_scan_params *p, const int32_t *x, int32_t *y);
void lissom_cumsum_i64(const lissom_scan_params *p, const int64_t *x, int64_t *y);

#define LISSOM_ARG(NAME, TYPE)                                                                              \
    void NAME(const lissom_arg_params *p, const TYPE *x, int64_t *y)                                        \
    {                                                                                                       \
        for (int32_t o = 0; o < p->outer; ++o) {                                                            \
            for (int32_t in = 0; in < p->inner; ++in) {                                                     \
                const TYPE *const from = x + o * p->n * p->inner + in;                                      \
                int32_t best = 0;                                                                           \
                for (int32_t i = 1; i < p->n; ++i) {                                                        \
                    const TYPE v = from[i * p->inner];                                                      \
                    const TYPE top = from[best * p->inner];                                                 \
                    if ((p->smallest ? v < top : v > top) || (p->last && !(v < top) && !(v > top))) {       \
                        best = i;                                                                           \
                    }                                                                                       \
                }                                                                                           \
                *y++ = best;                                                                                \
            }                                                                                               \
        }                                                                                                   \
    }

#define LISSOM_TOPK(NAME, TYPE)                                                                             \
    void NAME(const lissom_topk_params *p, const TYPE *x, TYPE *y, int64_t *index)                          \
    {                                                                                                       \
        for (int32_t o = 0; o < p->outer; ++o) {                                                            \
            for (int32_t in = 0; in < p->inner; ++in) {                                                     \
                const TYPE *const from = x + o * p->n * p->inner + in;                                      \
                TYPE *const to = y + o * p->k * p->inner + in;                                              \
                int64_t *const at = index + o * p->k * p->inner + in;                                       \
                int32_t held = 0;                                                                           \
                for (int32_t i = 0; i < p->n; ++i) { /* insertion into the list of the best so far */       \
                    const TYPE v = from[i * p->inner];                                                      \
                    int32_t j = held;                                                                       \
                    while (j > 0 && (p->smallest ? v < to[(j - 1) * p->inner] : v > to[(j - 1) * p->inner])) { \
                        if (j < p->k) {                                                                     \
                            to[j * p->inner] = to[(j - 1) * p->inner];                                      \
                            at[j * p->inner] = at[(j - 1) * p->inner];                                      \
                        }                                                                                   \
                        --j;                                                                                \
                    }                                                                                       \
                    if (j < p->k) {                                                                         \
                        to[j * p->inner] = v;                                                               \
                        at[j * p->inner] = i;                                                               \
                        held = held < p->k ? held + 1 : held;                                               \
                    }                                                                                       \
                }                                                                                           \
            }                                                                                               \
        }                                                                                                   \
    }

/* ADD computes the running sum from `sum` and `v`. */
#define LISSOM_CUMSUM(NAME, TYPE, ADD)                                                                      \
    void NAME(const lissom_scan_params *p, const TYPE *x, TYPE *y)                                          \
    {                                                                                                       \
        for (int32_t o = 0; o < p->outer; ++o) {                                                            \
            for (int32_t in = 0; in < p->inner; ++in) {                                                     \
                TYPE sum = 0;                                                                               \
                for (int32_t i = 0; i < p->n; ++i) {                                                        \
                    const int32_t at = (o * p->n + (p->reverse ? p->n - 1 - i : i)) * p->inner + in;        \
                    const TYPE v = x[at];                                                                   \
                    const TYPE next = (ADD);                                                                \
                    y[at] = p->exclusive ? sum : next;                                                      \
                    sum = next;                                                                             \
                }                                                                                           \
            }                                                                                               \
        }                                                                                                   \
    }

#endif
