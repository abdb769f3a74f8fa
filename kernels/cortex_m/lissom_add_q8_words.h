/* y = saturate(a * a_ratio + b * b_ratio) of bytes less their zero points, four at a time (docs/numerics.md). The FPU
 * rounds a product before it adds it, and converts to whole numbers by rounding to even and with saturation. */
#ifndef LISSOM_ADD_Q8_WORDS_H
#define LISSOM_ADD_Q8_WORDS_H

#include "lissom_requantize.h"

typedef struct {
    int32_t words;
    int32_t a_zero, b_zero; /* what is added to a and b */
    int32_t y_zero;
    float a_ratio, b_ratio;
} lissom_addition;

#define LINE LISSOM_LINE
#define BYTES(zero, word) \
    LINE("sxtab r9, " zero ", " word) LINE("sxtab r10, " zero ", " word ", ror #8") \
    LINE("sxtab r11, " zero ", " word ", ror #16") LINE("sxtab r12, " zero ", " word ", ror #24")
#define EIGHT(name, tail) \
    LINE(name " s0, s0" tail) LINE(name " s1, s1" tail) LINE(name " s2, s2" tail) LINE(name " s3, s3" tail) \
    LINE(name " s4, s4" tail) LINE(name " s5, s5" tail) LINE(name " s6, s6" tail) LINE(name " s7, s7" tail)

/* Some words, at least one; y may be a or b. */
LISSOM_NOINLINE static void lissom_add_words(const uint8_t *a, const uint8_t *b, uint8_t *y, const lissom_addition *how)
{
    register const uint8_t *r0 __asm__("r0") = a;
    register const uint8_t *r1 __asm__("r1") = b;
    register uint8_t *r2 __asm__("r2") = y;
    register const lissom_addition *r3 __asm__("r3") = how;
    __asm__ volatile(
        LISSOM_SAVE
        LINE("ldmia r3!, {r4-r7}")
        LINE("vldmia r3, {s8, s9}")
        LINE("mov r3, r4")
        LINE("1: ldr r4, [r0], #4")
        LINE("ldr r8, [r1], #4")
        BYTES("r5", "r4")
        LINE("vmov s0, s1, r9, r10")
        LINE("vmov s2, s3, r11, r12")
        BYTES("r6", "r8")
        LINE("vmov s4, s5, r9, r10")
        LINE("vmov s6, s7, r11, r12")
        EIGHT("vcvt.f32.s32", "")
        LINE("vmul.f32 s0, s0, s8")
        LINE("vmul.f32 s1, s1, s8")
        LINE("vmul.f32 s2, s2, s8")
        LINE("vmul.f32 s3, s3, s8")
        LINE("vmla.f32 s0, s4, s9")
        LINE("vmla.f32 s1, s5, s9")
        LINE("vmla.f32 s2, s6, s9")
        LINE("vmla.f32 s3, s7, s9")
        LINE("vcvtr.s32.f32 s0, s0")
        LINE("vcvtr.s32.f32 s1, s1")
        LINE("vcvtr.s32.f32 s2, s2")
        LINE("vcvtr.s32.f32 s3, s3")
        LINE("vmov r9, r10, s0, s1")
        LINE("vmov r11, r12, s2, s3")
        LINE("qadd r9, r9, r7")
        LINE("qadd r10, r10, r7")
        LINE("qadd r11, r11, r7")
        LINE("qadd r12, r12, r7")
        LINE("ssat r9, #8, r9")
        LINE("ssat r10, #8, r10")
        LINE("ssat r11, #8, r11")
        LINE("ssat r12, #8, r12")
        LINE("bfi r9, r10, #8, #8")
        LINE("bfi r9, r11, #16, #8")
        LINE("bfi r9, r12, #24, #8")
        LINE("str r9, [r2], #4")
        LINE("subs r3, r3, #1")
        LINE("bne 1b")
        LISSOM_RESTORE
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : "r12", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "cc", "memory");
}

#undef LINE
#undef BYTES
#undef EIGHT

/* n bytes. */
static inline void lissom_add_bytes(const lissom_addition *how, const uint8_t *a, const uint8_t *b, uint8_t *y, int32_t n)
{
    lissom_addition part = *how;
    const int32_t whole = n & ~3;
    if (whole != 0) {
        part.words = n / 4;
        lissom_add_words(a, b, y, &part);
    }
    if (whole != n) {
        uint8_t bytes[3][4] = {{0}};
        part.words = 1;
        memcpy(bytes[0], a + whole, (size_t)(n & 3));
        memcpy(bytes[1], b + whole, (size_t)(n & 3));
        lissom_add_words(bytes[0], bytes[1], bytes[2], &part);
        memcpy(y + whole, bytes[2], (size_t)(n & 3));
    }
}

#endif
