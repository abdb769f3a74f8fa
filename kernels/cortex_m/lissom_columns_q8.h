/* Columns of bytes, which are widened once for all output channels. Of four values a, b, c, d along a column two words are
 * kept, for each of the pixels:
 *
 *     even   halves a and c
 *     mixed  halves 256 b + 127 - a and 256 d + 127 - c, which are the bytes themselves but for bits of a and c
 *
 * Their weights v, w (for a and b) are one half 256 v + w, whose low byte, sign-extended, is w, so that
 *
 *     w (256 b + 127 - a) + (256 v + w) a = 256 (v a + w b) + 127 w
 *
 * and of the weights only one word has to be unpacked, not two. Sums are 256 times too large, which their multiplier
 * makes up for exactly, and the bias holds the last term; sums have to stay below 2^23. Where they may not (LISSOM_MIXED
 * 0), the words are the halves a and c and the halves b and d, and weights are bytes. */
#ifndef LISSOM_COLUMNS_Q8_H
#define LISSOM_COLUMNS_Q8_H

#include "lissom_add_q8_words.h"
#include "lissom_conv.h"

#define ELEMENT 1
#define UNIT 4
#define LEAST 4
#define COLUMNS_STEP (8 * LISSOM_PIXELS)
#define TOGETHER 2
#define RESULT 1
#define PARTIAL 1

/* What the pixels of the result are made with. Sums are multiplied and added to WHOLE: that leaves no bits below the point,
 * and the bits of the float are the integer and so many more. Far beyond a byte they only grow. The FPU rounds the product
 * before it adds it. */
typedef struct {
    int32_t eights;  /* of values along a column */
    uint8_t *y;      /* the next result of the first pixel */
    uint8_t *end;
    int32_t step[3]; /* bytes from the first pixel of the result to the others */
    int32_t zero;    /* less the bits of WHOLE */
    float whole[4];
} columns_outputs;

typedef lissom_addition columns_addend;

#define WHOLE 12582912.0f /* 1.5 * 2^23 */

static inline columns_outputs columns_outputs_of(int32_t eights, int32_t held, int32_t pixel, int32_t zero, uint8_t *end)
{
    const columns_outputs o = {eights, NULL, end, {held > 1 ? pixel : 0, held > 2 ? 2 * pixel : 0, held > 3 ? 3 * pixel : 0},
                               zero - 0x4b400000, {WHOLE, WHOLE, WHOLE, WHOLE}};
    return o;
}

/* Assembly for the ends of sums r4 to r7. s10 is where y is in columns_outputs: */
#define COLUMNS_BEGIN \
    LISSOM_LINE("ldr r4, [r3], #4") LISSOM_LINE("vmov s8, s9, r0, r4") LISSOM_LINE("str r2, [r3]") LISSOM_LINE("vmov s10, r3")
/* then, multiplied by a to d, they are bytes in r4 to r7, y is r2 and the steps are in r8 to r10; */
#define COLUMNS_BYTES(a, b, c, d) \
    LISSOM_LINE("vmov s0, s1, r4, r5") LISSOM_LINE("vmov s2, s3, r6, r7") LISSOM_LINE("vmov r12, s10") \
    LISSOM_LINE("ldmia r12!, {r2, r3, r8-r11}") LISSOM_LINE("vldmia r12, {s12-s15}") \
    LISSOM_LINE("vcvt.f32.s32 s0, s0") LISSOM_LINE("vcvt.f32.s32 s1, s1") LISSOM_LINE("vcvt.f32.s32 s2, s2") \
    LISSOM_LINE("vcvt.f32.s32 s3, s3") LISSOM_LINE("vmla.f32 s12, s0, " a) LISSOM_LINE("vmla.f32 s13, s1, " b) \
    LISSOM_LINE("vmla.f32 s14, s2, " c) LISSOM_LINE("vmla.f32 s15, s3, " d) LISSOM_LINE("vmov r4, r5, s12, s13") \
    LISSOM_LINE("vmov r6, r7, s14, s15") LISSOM_LINE("qadd r4, r4, r11") LISSOM_LINE("qadd r5, r5, r11") \
    LISSOM_LINE("qadd r6, r6, r11") LISSOM_LINE("qadd r7, r7, r11") LISSOM_LINE("ssat r4, #8, r4") \
    LISSOM_LINE("ssat r5, #8, r5") LISSOM_LINE("ssat r6, #8, r6") LISSOM_LINE("ssat r7, #8, r7")
/* y goes on, to be compared with its end. */
#define COLUMNS_NEXT LISSOM_LINE("str r2, [r12, #-24]") LISSOM_LINE("cmp r2, r3")
/* Of four pixels of a channel, whose multiplier is s4; the first one is stored last: pixels that are not there are
 * written in its place. */
#define COLUMNS_END_FOUR \
    COLUMNS_BYTES("s4", "s4", "s4", "s4") LISSOM_LINE("strb r7, [r2, r10]") LISSOM_LINE("strb r6, [r2, r9]") \
    LISSOM_LINE("strb r5, [r2, r8]") LISSOM_LINE("strb r4, [r2], #1") COLUMNS_NEXT
#define COLUMNS_CLOBBERS \
    "r12", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "cc", "memory"

static inline void columns_end(const lissom_addition *sum, const uint8_t *from, const uint8_t *skip, uint8_t *to, int32_t n)
{
    if (skip != NULL) {
        lissom_add_bytes(sum, from, skip, to, n);
    } else {
        memcpy(to, from, (size_t)n);
    }
}

static inline uint8_t *columns_put(uint32_t word, uint8_t *to)
{
    const uint32_t even = lissom_even_bytes(word);
    const uint32_t other = LISSOM_MIXED ? word ^ 0x007f007fu : lissom_odd_bytes(word);
    memcpy(to, &even, 4);
    memcpy(to + 4 * LISSOM_PIXELS, &other, 4);
    return to + COLUMNS_STEP;
}

/* A run of values into one column. What does not fill a word is read together with the values before it, whose weights
 * are then 0. */
static inline void columns_one(const uint8_t *from, int32_t length, uint8_t *to)
{
    for (int32_t i = 4; i <= length; i += 4, from += 4) {
        to = columns_put(lissom_word(from), to);
    }
    const int32_t rest = length & 3;
    if (rest != 0) {
        uint32_t word = 0;
        if (length > 4) {
            word = lissom_word(from + rest - 4);
        } else {
            for (int32_t i = 0; i < rest; ++i) {
                word |= (uint32_t)from[i] << (8 * i);
            }
        }
        (void)columns_put(word, to);
    }
}

#if LISSOM_PIXELS == 4
#if LISSOM_MIXED
#define COLUMNS_OTHER(word) LISSOM_LINE("eor " word ", " word ", lr")
#else
#define COLUMNS_OTHER(word) LISSOM_LINE("sxtb16 " word ", " word ", ror #8")
#endif

/* The same for four columns, whose values lie `step` bytes apart. */
LISSOM_NOINLINE static void columns_abreast(const uint8_t *from, int32_t step, uint8_t *to, int32_t length)
{
    register const uint8_t *r0 __asm__("r0") = from;
    register int32_t r1 __asm__("r1") = step;
    register uint8_t *r2 __asm__("r2") = to;
    register int32_t r3 __asm__("r3") = length;
    __asm__ volatile(
        LISSOM_SAVE
        LISSOM_LINE("add r12, r1, r1, lsl #1")
        LISSOM_LINE("mov lr, #0x007f007f")
        LISSOM_LINE("1: subs r3, r3, #4")
        LISSOM_LINE("it lt")              /* the rest: the last four bytes */
        LISSOM_LINE("addlt r0, r0, r3")
        LISSOM_LINE("ldr r5, [r0, r1]")
        LISSOM_LINE("ldr r6, [r0, r1, lsl #1]")
        LISSOM_LINE("ldr r7, [r0, r12]")
        LISSOM_LINE("ldr r4, [r0], #4")
        LISSOM_LINE("sxtb16 r8, r4")
        LISSOM_LINE("sxtb16 r9, r5")
        LISSOM_LINE("sxtb16 r10, r6")
        LISSOM_LINE("sxtb16 r11, r7")
        LISSOM_LINE("stmia r2!, {r8-r11}")
        COLUMNS_OTHER("r4") COLUMNS_OTHER("r5") COLUMNS_OTHER("r6") COLUMNS_OTHER("r7")
        LISSOM_LINE("stmia r2!, {r4-r7}")
        LISSOM_LINE("cmp r3, #0")
        LISSOM_LINE("bgt 1b")
        LISSOM_RESTORE
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : "r12", "cc", "memory");
}
#endif

#include "lissom_columns.h"

#endif
