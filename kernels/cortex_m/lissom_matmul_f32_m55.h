/* Products of two activations of floats, as a convolution computes them: rows of a are its columns, and columns of b its
 * output channels, packed as its weights are (lissom_panels_m55.h). */
#include <math.h>

#include "lissom_matmul.h"
#include "lissom_panels_m55.h"

/* Up to eight columns of b, times alpha. */
static void pack(const lissom_matmul_params *p, const float *b, int32_t n, float *panel)
{
    for (int32_t half = 0; half < 8; half += 4) {
        const int32_t there = lissom_larger(0, lissom_smaller(4, n - half));
        const uint32x4_t places = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)(4 * p->b_n));
        const float *from = b + half * p->b_n;
        float *to = panel + half;
        vst1q_f32(to, lissom_vf_set(0.0f));
        __asm__ volatile("vctp.32 %[there]\n"
                         "wls lr, %[k], 2f\n"
                         "1: adds %[to], #32\n"
                         "vpst\n"
                         "vldrwt.u32 q0, [%[from], %q[places]]\n"
                         "vmul.f32 q0, q0, %[alpha]\n"
                         "vstrw.32 q0, [%[to]]\n"
                         "add %[from], %[step]\n"
                         "le lr, 1b\n"
                         "2:\n"
                         : [to] "+l"(to), [from] "+r"(from)
                         : [k] "r"(p->k), [there] "r"(there), [places] "w"(places), [alpha] "r"(p->alpha),
                           [step] "r"(4 * p->b_k)
                         : "q0", "lr", "cc", "memory");
    }
}

void LISSOM_KERNEL(const lissom_matmul_params *p, const float *a, const float *b, const float *c, float *y,
                   void *scratch)
{
    (void)c;
    const panels job = {-INFINITY, INFINITY, p->y_m};
    float *const packed = scratch;
    for (int32_t batch = 0; batch < lissom_matmul_batches(p); ++batch) {
        const float *const right = b + lissom_matmul_offset(p, batch, p->b_batch);
        for (int32_t j = 0; j < p->n; j += 8) {
            pack(p, right + j * p->b_n, p->n - j, packed + j / 8 * PANEL(p->k));
        }
        columns(&job, a + lissom_matmul_offset(p, batch, p->a_batch), p->a_m, p->k, packed, NULL,
                y + lissom_matmul_offset(p, batch, p->y_batch), p->m, p->n);
    }
}

LISSOM_LEVEL_END
