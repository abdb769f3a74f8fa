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

/* What the pixels of the result are made with. */
typedef struct {
    int32_t eights;  /* of values along a column */
    int32_t step[3]; /* bytes from the first pixel of the result to the others */
    int32_t zero;
    uint8_t *end;    /* of the first pixel */
} columns_outputs;

typedef lissom_addition columns_addend;

static inline columns_outputs columns_outputs_of(int32_t eights, int32_t held, int32_t pixel, int32_t zero, uint8_t *end)
{
    const columns_outputs o = {
        eights, {held > 1 ? pixel : 0, held > 2 ? 2 * pixel : 0, held > 3 ? 3 * pixel : 0}, zero, end};
    return o;
}

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
