/* Layer normalization of rows of floats or, with LISSOM_RMS, division by the root of their mean square alone. */
#include <math.h>

#include "lissom_norm.h"

/* The sum of x - mean, or of their squares. */
#define SUM(ADD)                                                                   \
    __asm__ volatile("wlstp.32 lr, %[n], 2f\n"                                     \
                     "1: vldrw.u32 q0, [%[x]], #16\n" ADD                          \
                     "letp lr, 1b\n"                                               \
                     "2:\n"                                                        \
                     : [x] "+r"(x), [sums] "+w"(sums)                              \
                     : [n] "r"(n), [less] "r"(-mean)                               \
                     : "q0", "lr", "cc", "memory")

static inline float sum_of(const float *x, int32_t n)
{
    const float mean = 0.0f;
    lissom_vf sums = lissom_vf_set(0.0f);
    SUM("vadd.f32 %q[sums], %q[sums], q0\n");
    return lissom_vf_sum(sums);
}

static inline float squares_of(const float *x, int32_t n, float mean)
{
    lissom_vf sums = lissom_vf_set(0.0f);
    SUM("vadd.f32 q0, q0, %[less]\nvfma.f32 %q[sums], q0, q0\n");
    return lissom_vf_sum(sums);
}

#define NORMALIZE(FINISH)                                                                      \
    __asm__ volatile("wlstp.32 lr, %[n], 2f\n"                                                 \
                     "1: vldrw.u32 q0, [%[x]], #16\n"                                          \
                     "vadd.f32 q0, q0, %[less]\n"                                              \
                     "vldrw.u32 q1, [%[scale]], #16\n"                                         \
                     "vmul.f32 q0, q0, %[factor]\n" FINISH                                     \
                     "letp lr, 1b\n"                                                           \
                     "2:\n"                                                                    \
                     : [x] "+r"(x), [y] "+r"(y), [scale] "+r"(scale), [bias] "+r"(bias)        \
                     : [n] "r"(n), [less] "r"(-mean), [factor] "r"(factor)                     \
                     : "q0", "q1", "q2", "lr", "cc", "memory")

static inline void normalize(const float *x, int32_t n, float mean, float factor, const float *scale, const float *bias,
                             float *y)
{
    if (bias) {
        NORMALIZE("vldrw.u32 q2, [%[bias]], #16\nvfma.f32 q2, q0, q1\nvstrw.32 q2, [%[y]], #16\n");
    } else {
        NORMALIZE("vmul.f32 q0, q0, q1\nvstrw.32 q0, [%[y]], #16\n");
    }
}

#if LISSOM_RMS
void LISSOM_KERNEL(const lissom_row_norm_params *p, const float *x, const float *scale, float *y)
{
    const float *const bias = NULL;
#else
void LISSOM_KERNEL(const lissom_row_norm_params *p, const float *x, const float *scale, const float *bias, float *y)
{
#endif
    for (int32_t row = 0; row < p->rows; ++row, x += p->n, y += p->n) {
        const float mean = LISSOM_RMS ? 0.0f : sum_of(x, p->n) / (float)p->n;
        const float factor = 1.0f / sqrtf(squares_of(x, p->n, mean) / (float)p->n + p->epsilon);
        normalize(x, p->n, mean, factor, scale, bias, y);
    }
}

LISSOM_LEVEL_END
