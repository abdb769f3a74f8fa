/* From float to 8-bit values, four at a time. Quotients are divided one by one: vectors have no division, and a product
 * with the reciprocal is not always the same. Where y is turned, its channels are last. */
#include "lissom_quantize.h"

static inline void run(const float *x, float scale, const lissom_q8_output *q, uint8_t *y, int32_t step, int32_t n)
{
    const uint32x4_t places = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)step);
    const float32x4_t low = vdupq_n_f32(q->low);
    const float32x4_t high = vdupq_n_f32(q->high);
    const int32_t on = 4 * step;
    __asm__ volatile("wlstp.32 lr, %[n], 2f\n"
                     "1: vldrw.u32 q0, [%[x]], #16\n"
                     "vdiv.f32 s0, s0, %[scale]\n"
                     "vdiv.f32 s1, s1, %[scale]\n"
                     "vdiv.f32 s2, s2, %[scale]\n"
                     "vdiv.f32 s3, s3, %[scale]\n"
                     "vmaxnm.f32 q0, q0, %q[low]\n"
                     "vminnm.f32 q0, q0, %q[high]\n"
                     "vcvtn.s32.f32 q0, q0\n"
                     "vadd.i32 q0, q0, %[zero]\n"
                     "vstrb.32 q0, [%[y], %q[places]]\n"
                     "add %[y], %[on]\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [x] "+r"(x), [y] "+r"(y)
                     : [n] "r"(n), [on] "r"(on), [zero] "r"(q->zero), [scale] "t"(scale), [low] "w"(low),
                       [high] "w"(high), [places] "w"(places)
                     : "q0", "lr", "cc", "memory");
}

void LISSOM_KERNEL(const lissom_channel_params *p, const float *x, const float *scale, const lissom_q8_output *q,
                   uint8_t *y)
{
    for (int32_t o = 0; o < p->outer; ++o) {
        uint8_t *const to = y + o * p->channels * p->inner;
        for (int32_t c = 0; c < p->channels; ++c, x += p->inner) {
            run(x, scale[c], &q[c], p->turned ? to + c : to + c * p->inner, p->turned ? p->channels : 1, p->inner);
        }
    }
}

LISSOM_LEVEL_END
