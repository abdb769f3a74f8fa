/* Sums of two 8-bit tensors: y = saturate(round((a - its zero point) * its ratio + (b - ...) * ...) + zero), each step
 * one float32 operation (docs/numerics.md). */
#ifndef LISSOM_ADD_M55_H
#define LISSOM_ADD_M55_H

#include "lissom_requantize.h"

typedef struct {
    int32_t a_less; /* what is added to a: minus its zero point */
    int32_t b_less;
    float a_ratio;
    float b_ratio;
    int32_t zero;
} lissom_addition;

/* As a residual operand is added to the results of a convolution, which are a. */
static inline lissom_addition lissom_add_of_residual(const lissom_q8_output *y, const lissom_q8_residual *add)
{
    const lissom_addition f = {-y->zero, add->flip - add->zero, add->ratio, add->skip_ratio, add->y.zero};
    return f;
}

/* n elements; y may be a or b. */
static inline void lissom_add_run(const lissom_addition *f, const uint8_t *a, const uint8_t *b, uint8_t *y, int32_t n)
{
    const int32_t whole = n / 8;
    const int32_t rest = n % 8;
    __asm__ volatile("wls lr, %[whole], 2f\n"
                     "1: vldrb.s16 q0, [%[a]], #8\n"
                     "vadd.i16 q0, q0, %[a_less]\n"
                     "vldrb.s16 q1, [%[b]], #8\n"
                     "vadd.i16 q1, q1, %[b_less]\n"
                     "vmovlb.s16 q2, q0\n"
                     "vmovlt.s16 q3, q0\n"
                     "vmovlb.s16 q4, q1\n"
                     "vcvt.f32.s32 q2, q2\n"
                     "vmovlt.s16 q5, q1\n"
                     "vcvt.f32.s32 q3, q3\n"
                     "vmul.f32 q2, q2, %[a_ratio]\n"
                     "vcvt.f32.s32 q4, q4\n"
                     "vmul.f32 q3, q3, %[a_ratio]\n"
                     "vcvt.f32.s32 q5, q5\n"
                     "vmul.f32 q4, q4, %[b_ratio]\n"
                     "vadd.f32 q2, q2, q4\n"
                     "vmul.f32 q5, q5, %[b_ratio]\n"
                     "vcvtn.s32.f32 q2, q2\n"
                     "vadd.f32 q3, q3, q5\n"
                     "vqmovnb.s32 q0, q2\n"
                     "vcvtn.s32.f32 q3, q3\n"
                     "vqmovnt.s32 q0, q3\n"
                     "vqadd.s16 q0, q0, %[zero]\n"
                     "vqmovnb.s16 q0, q0\n"
                     "vstrb.16 q0, [%[y]], #8\n"
                     "le lr, 1b\n"
                     "2: wlstp.32 lr, %[rest], 4f\n"
                     "3: vldrb.s32 q0, [%[a]], #4\n"
                     "vadd.i32 q0, q0, %[a_less]\n"
                     "vldrb.s32 q1, [%[b]], #4\n"
                     "vadd.i32 q1, q1, %[b_less]\n"
                     "vcvt.f32.s32 q0, q0\n"
                     "vcvt.f32.s32 q1, q1\n"
                     "vmul.f32 q0, q0, %[a_ratio]\n"
                     "vmul.f32 q1, q1, %[b_ratio]\n"
                     "vadd.f32 q0, q0, q1\n"
                     "vcvtn.s32.f32 q0, q0\n"
                     "vqmovnb.s32 q0, q0\n"
                     "vqadd.s16 q0, q0, %[zero]\n"
                     "vqmovnb.s16 q0, q0\n"
                     "vstrb.32 q0, [%[y]], #4\n"
                     "letp lr, 3b\n"
                     "4:\n"
                     : [a] "+l"(a), [b] "+l"(b), [y] "+l"(y)
                     : [whole] "r"(whole), [rest] "r"(rest), [a_less] "r"(f->a_less), [b_less] "r"(f->b_less),
                       [a_ratio] "r"(f->a_ratio), [b_ratio] "r"(f->b_ratio), [zero] "r"(f->zero)
                     : "q0", "q1", "q2", "q3", "q4", "q5", "lr", "cc", "memory");
}

#endif
