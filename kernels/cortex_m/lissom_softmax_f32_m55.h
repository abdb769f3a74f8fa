/* Softmax of rows of floats that lie together. */
#include "lissom_norm.h"

/* Powers of x - top to y; returns the sum of all lanes. e^x is 2^n times e^r with |r| <= ln(2) / 2, and that by Taylor's
 * series, as in lissom_math.h but for its last term: what follows is below 2e-7. Below -87 the power is that of -87. */
static float powers(const float *x, float top, float *y, int32_t n)
{
    lissom_vf sums = lissom_vf_set(0.0f);
    __asm__ volatile("wlstp.32 lr, %[n], 2f\n"
                     "1: vldrw.u32 q0, [%[x]], #16\n"
                     "vadd.f32 q0, q0, %[offset]\n"
                     "vmaxnm.f32 q0, q0, %q[low]\n"
                     "vmul.f32 q1, q0, %q[log2e]\n"
                     "vcvtn.s32.f32 q1, q1\n"
                     "vcvt.f32.s32 q2, q1\n"
                     "vfma.f32 q0, q2, %[near]\n"
                     "vfma.f32 q0, q2, %[rest]\n"
                     "vmov q2, %q[sixth]\n"
                     "vfmas.f32 q2, q0, %[fifth]\n"
                     "vfmas.f32 q2, q0, %[fourth]\n"
                     "vfmas.f32 q2, q0, %[third]\n"
                     "vfmas.f32 q2, q0, %[half]\n"
                     "vfmas.f32 q2, q0, %[one]\n"
                     "vfmas.f32 q2, q0, %[one]\n"
                     "vshl.i32 q1, q1, #23\n"
                     "vadd.i32 q2, q2, q1\n"
                     "vadd.f32 %q[sums], %q[sums], q2\n"
                     "vstrw.32 q2, [%[y]], #16\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [x] "+r"(x), [y] "+r"(y), [sums] "+w"(sums)
                     : [n] "r"(n), [offset] "r"(-top), [low] "w"(lissom_vf_set(-87.0f)),
                       [log2e] "w"(lissom_vf_set(1.44269504f)), [near] "r"(-0.693359375f), [rest] "r"(2.12194440e-4f),
                       [sixth] "w"(lissom_vf_set(1.38888889e-3f)), [fifth] "r"(8.33333333e-3f),
                       [fourth] "r"(4.16666667e-2f), [third] "r"(1.66666667e-1f), [half] "r"(0.5f), [one] "r"(1.0f)
                     : "q0", "q1", "q2", "lr", "cc", "memory");
    return lissom_vf_sum(sums);
}

void LISSOM_KERNEL(const lissom_axis_params *p, const float *x, float *y)
{
    for (int32_t row = 0; row < p->outer; ++row, x += p->n, y += p->n) {
        const float *at = x;
        float *to = y;
        float top = x[0];
        __asm__ volatile("wlstp.32 lr, %[n], 2f\n"
                         "1: vldrw.u32 q0, [%[x]], #16\n"
                         "vmaxnmv.f32 %[top], q0\n"
                         "letp lr, 1b\n"
                         "2:\n"
                         : [x] "+r"(at), [top] "+r"(top)
                         : [n] "r"(p->n)
                         : "q0", "lr", "cc", "memory");
        const float scale = 1.0f / powers(x, top, y, p->n);
        __asm__ volatile("wlstp.32 lr, %[n], 2f\n"
                         "1: vldrw.u32 q0, [%[y]]\n"
                         "vmul.f32 q0, q0, %[scale]\n"
                         "vstrw.32 q0, [%[y]], #16\n"
                         "letp lr, 1b\n"
                         "2:\n"
                         : [y] "+r"(to)
                         : [n] "r"(p->n), [scale] "r"(scale)
                         : "q0", "lr", "cc", "memory");
    }
}

LISSOM_LEVEL_END
