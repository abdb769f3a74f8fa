/* Layer normalization of rows of signed bytes. Sums over a row are of bytes as they are; what the zero point takes off them
 * is known at the end. Deviations are whole numbers below 2^24, which floats hold. */
#include "lissom_norm_q8.h"

#define NORMALIZE(BIAS)                                                                                              \
    __asm__ volatile("wlstp.32 lr, %[n], 2f\n"                                                                       \
                     "1: vldrb.s32 q0, [%[x]], #4\n"                                                                 \
                     "vcvt.f32.s32 q0, q0\n"                                                                         \
                     "vfmas.f32 q0, %q[length], %[offset]\n"                                                         \
                     "vmul.f32 q0, q0, %[inverse]\n"                                                                 \
                     "vldrw.u32 q1, [%[scale]], #16\n"                                                               \
                     "vmul.f32 q0, q0, q1\n" BIAS                                                                    \
                     "vmaxnm.f32 q0, q0, %q[low]\n"                                                                  \
                     "vminnm.f32 q0, q0, %q[high]\n"                                                                 \
                     "vcvtn.s32.f32 q0, q0\n"                                                                        \
                     "vadd.i32 q0, q0, %[zero]\n"                                                                    \
                     "vstrb.32 q0, [%[y]], #4\n"                                                                     \
                     "letp lr, 1b\n"                                                                                 \
                     "2:\n"                                                                                          \
                     : [x] "+l"(x), [y] "+l"(y), [scale] "+r"(scale), [bias] "+r"(bias)                              \
                     : [n] "r"(p->n), [length] "w"(lissom_vf_set((float)p->n)), [offset] "r"(-offset),               \
                       [inverse] "r"(inverse), [low] "w"(lissom_vf_set(p->y.low)),                                   \
                       [high] "w"(lissom_vf_set(p->y.high)), [zero] "r"(p->y.zero)                                   \
                     : "q0", "q1", "lr", "cc", "memory")

static void normalize(const lissom_layer_norm_q8_params *p, const uint8_t *x, float offset, float inverse,
                      const float *scale, const float *bias, uint8_t *y)
{
    if (bias) {
        NORMALIZE("vldrw.u32 q1, [%[bias]], #16\nvadd.f32 q0, q0, q1\n");
    } else {
        NORMALIZE("");
    }
}

void LISSOM_KERNEL(const lissom_layer_norm_q8_params *p, const uint8_t *x, const float *scale, const float *bias,
                   uint8_t *y)
{
    const int32_t n = p->n;
    const int32_t zero = p->x.zero - p->x.flip;
    for (int32_t row = 0; row < p->rows; ++row, x += n, y += n) {
        const uint8_t *at = x;
        int32_t total = 0;
        int32_t squares = 0;
        __asm__ volatile("wlstp.8 lr, %[n], 2f\n"
                         "1: vldrb.u8 q0, [%[x]], #16\n"
                         "vaddva.s8 %[total], q0\n"
                         "vmladava.s8 %[squares], q0, q0\n"
                         "letp lr, 1b\n"
                         "2:\n"
                         : [x] "+r"(at), [total] "+Te"(total), [squares] "+Te"(squares)
                         : [n] "r"(n)
                         : "q0", "lr", "cc", "memory");
        const int32_t sum = total - n * zero;
        const int32_t square = squares - 2 * zero * total + n * zero * zero;
        const int64_t variance = (int64_t)n * square - (int64_t)sum * sum;
        const float wide = variance <= INT32_MAX ? (float)(int32_t)variance : (float)variance;
        normalize(p, x, (float)(n * zero + sum), 1.0f / sqrtf(wide + p->spread), scale, bias, y);
    }
}

LISSOM_LEVEL_END
