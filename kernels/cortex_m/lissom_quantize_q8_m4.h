/* Floats to bytes, four at a time: the FPU rounds to even and saturates. */
#include "lissom_quantize.h"

#define LINE LISSOM_LINE

/* n floats, a multiple of four, to bytes that lie `step` bytes apart. */
LISSOM_NOINLINE static void quantize(const float *x, uint8_t *y, int32_t n, int32_t step, int32_t zero, const float *scale)
{
    register const float *r0 __asm__("r0") = x;
    register uint8_t *r1 __asm__("r1") = y;
    register int32_t r2 __asm__("r2") = n;
    register int32_t r3 __asm__("r3") = step;
    register int32_t r12 __asm__("r12") = zero;
    int32_t bits;
    memcpy(&bits, scale, 4);
    register int32_t r4 __asm__("r4") = bits;
    __asm__ volatile(
        LISSOM_SAVE
        LINE("vmov s4, r4")
        LINE("add r8, r3, r3, lsl #1")
        LINE("1: vldmia r0!, {s0-s3}")
        LINE("vdiv.f32 s0, s0, s4")
        LINE("vdiv.f32 s1, s1, s4")
        LINE("vdiv.f32 s2, s2, s4")
        LINE("vdiv.f32 s3, s3, s4")
        LINE("vcvtr.s32.f32 s0, s0")
        LINE("vcvtr.s32.f32 s1, s1")
        LINE("vcvtr.s32.f32 s2, s2")
        LINE("vcvtr.s32.f32 s3, s3")
        LINE("vmov r4, r5, s0, s1")
        LINE("vmov r6, r7, s2, s3")
        LINE("qadd r4, r4, r12")
        LINE("qadd r5, r5, r12")
        LINE("qadd r6, r6, r12")
        LINE("qadd r7, r7, r12")
        LINE("ssat r4, #8, r4")
        LINE("ssat r5, #8, r5")
        LINE("ssat r6, #8, r6")
        LINE("ssat r7, #8, r7")
        LINE("strb r4, [r1]")
        LINE("strb r5, [r1, r3]")
        LINE("strb r6, [r1, r3, lsl #1]")
        LINE("strb r7, [r1, r8]")
        LINE("add r1, r1, r3, lsl #2")
        LINE("subs r2, r2, #4")
        LINE("bne 1b")
        LISSOM_RESTORE
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        : "r"(r12), "r"(r4)
        : "s0", "s1", "s2", "s3", "s4", "cc", "memory");
}

void LISSOM_KERNEL(const lissom_channel_params *p, const float *x, const float *scale, const lissom_q8_output *q, uint8_t *y)
{
    const int32_t step = p->turned ? p->channels : 1;
    const int32_t whole = p->inner & ~3;
    const int32_t rest = p->inner & 3;
    for (int32_t o = 0; o < p->outer; ++o) {
        for (int32_t c = 0; c < p->channels; ++c, x += p->inner) {
            const int32_t flip = q[c].low + (float)q[c].zero < 0.0f ? 0 : 0x80; /* uint8 is int8 less 128 */
            const int32_t zero = q[c].zero - flip;
            uint8_t *const first = y + o * p->channels * p->inner + (p->turned ? c : c * p->inner);
            if (whole != 0) {
                quantize(x, first, whole, step, zero, scale + c);
            }
            if (rest != 0) {
                float four[4] = {0};
                uint8_t bytes[4];
                memcpy(four, x + whole, (size_t)rest * sizeof(float));
                quantize(four, bytes, 4, 1, zero, scale + c);
                for (int32_t i = 0; i < rest; ++i) {
                    first[(whole + i) * step] = bytes[i];
                }
            }
            for (int32_t i = 0; flip != 0 && i < p->inner; ++i) {
                first[i * step] ^= 0x80;
            }
        }
    }
}

LISSOM_LEVEL_END
