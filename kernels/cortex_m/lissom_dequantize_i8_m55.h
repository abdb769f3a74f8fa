/* From signed bytes to floats, four at a time. */
#include "lissom_quantize.h"

void LISSOM_KERNEL(const lissom_channel_params *p, const int8_t *x, const float *scale, const int8_t *zero, float *y)
{
    for (int32_t row = 0; row < p->outer * p->channels; ++row) {
        const int32_t less = -zero[row % p->channels];
        __asm__ volatile("wlstp.32 lr, %[n], 2f\n"
                         "1: vldrb.s32 q0, [%[x]], #4\n"
                         "vadd.i32 q0, q0, %[less]\n"
                         "vcvt.f32.s32 q0, q0\n"
                         "vmul.f32 q0, q0, %[scale]\n"
                         "vstrw.32 q0, [%[y]], #16\n"
                         "letp lr, 1b\n"
                         "2:\n"
                         : [x] "+l"(x), [y] "+l"(y)
                         : [n] "r"(p->inner), [less] "r"(less), [scale] "r"(scale[row % p->channels])
                         : "q0", "lr", "cc", "memory");
        x += p->inner % 4 ? p->inner % 4 - 4 : 0; /* the last step of a loop is as long as the others */
        y += p->inner % 4 ? p->inner % 4 - 4 : 0;
    }
}

LISSOM_LEVEL_END
