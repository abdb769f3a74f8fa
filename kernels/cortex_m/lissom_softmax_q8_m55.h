/* Softmax of rows of signed bytes that lie together: powers are looked up, four at a time. */
#include "lissom_norm_q8.h"

/* The powers of four elements, in q0. */
#define POWERS "vldrb.s32 q0, [%[x]], #4\nvsub.i32 q1, %q[top], q0\nvldrw.u32 q0, [%[table], q1, uxtw #2]\n"

void LISSOM_KERNEL(const lissom_softmax_q8_params *p, const uint8_t *x, const int32_t *table, uint8_t *y)
{
    const lissom_vf high = lissom_vf_set(p->y.high);
    for (int32_t row = 0; row < p->outer; ++row, x += p->n, y += p->n) {
        const uint8_t *at = x;
        int32_t most = INT8_MIN;
        __asm__ volatile("wlstp.8 lr, %[n], 2f\n"
                         "1: vldrb.u8 q0, [%[x]], #16\n"
                         "vmaxv.s8 %[most], q0\n"
                         "letp lr, 1b\n"
                         "2:\n"
                         : [x] "+r"(at), [most] "+r"(most)
                         : [n] "r"(p->n)
                         : "q0", "lr", "cc", "memory");
        const int32x4_t top = vdupq_n_s32(most);
        int32_t sum = 0;
        at = x;
        __asm__ volatile("wlstp.32 lr, %[n], 2f\n"
                         "1: " POWERS
                         "vaddva.s32 %[sum], q0\n"
                         "letp lr, 1b\n"
                         "2:\n"
                         : [x] "+l"(at), [sum] "+Te"(sum)
                         : [n] "r"(p->n), [table] "r"(table), [top] "w"(top)
                         : "q0", "q1", "lr", "cc", "memory");
        const float multiplier = 1.0f / (p->y_scale * (float)sum);
        uint8_t *to = y;
        at = x;
        __asm__ volatile("wlstp.32 lr, %[n], 2f\n"
                         "1: " POWERS
                         "vcvt.f32.s32 q0, q0\n"
                         "vmul.f32 q0, q0, %[multiplier]\n"
                         "vminnm.f32 q0, q0, %q[high]\n"
                         "vcvtn.s32.f32 q0, q0\n"
                         "vadd.i32 q0, q0, %[zero]\n"
                         "vstrb.32 q0, [%[y]], #4\n"
                         "letp lr, 1b\n"
                         "2:\n"
                         : [x] "+l"(at), [y] "+l"(to)
                         : [n] "r"(p->n), [table] "r"(table), [top] "w"(top), [multiplier] "r"(multiplier),
                           [high] "w"(high), [zero] "r"(p->y.zero)
                         : "q0", "q1", "lr", "cc", "memory");
    }
}

LISSOM_LEVEL_END
