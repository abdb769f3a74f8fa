/* Product of rows of floats with weights that are mostly zero: lanes are output channels, and each gathers what its next
 * weight meets.
 *
 * w holds for each four output channels half of how many weights the fullest of them has, biases, and for each weight in
 * turn four uint16, where in the row it is, and what it is (backends/c/packing/cortex_m55.py, "float_turns"). */
#include "lissom_sparse.h"

#define TURN                                                                                        \
    "vldrh.u32 q1, [%[w]], #8\nvldrw.u32 q2, [%[w]], #16\nvldrw.u32 q3, [%[x], q1, uxtw #2]\n"       \
    "vfma.f32 q0, q3, q2\n"

void LISSOM_KERNEL(const lissom_sparse_f32_params *q, const float *x, const uint8_t *w, float *y, void *scratch)
{
    (void)scratch;
    const lissom_conv_params *const p = &q->conv;
    const lissom_vf low = lissom_vf_set(p->low);
    const lissom_vf high = lissom_vf_set(p->high);
    for (int32_t i = 0; i < p->batch * p->out[2]; ++i, x += p->in_channels, y += p->y_pixel) {
        const uint8_t *next = w;
        float *to = y;
        int32_t left = p->out_channels;
        int32_t turns;
        __asm__ volatile("1: ldr %[turns], [%[w]], #4\n"
                         "vldrw.u32 q0, [%[w]], #16\n"
                         "wls lr, %[turns], 3f\n"
                         "2: " TURN TURN
                         "le lr, 2b\n"
                         "3: vmaxnm.f32 q0, q0, %q[low]\n"
                         "vminnm.f32 q0, q0, %q[high]\n"
                         "vctp.32 %[left]\n"
                         "vpst\n"
                         "vstrwt.32 q0, [%[to]], #16\n"
                         "subs %[left], #4\n"
                         "bgt 1b\n"
                         : [w] "+l"(next), [to] "+l"(to), [left] "+l"(left), [turns] "=&r"(turns)
                         : [x] "r"(x), [low] "w"(low), [high] "w"(high)
                         : "q0", "q1", "q2", "q3", "lr", "cc", "memory");
    }
}

LISSOM_LEVEL_END
