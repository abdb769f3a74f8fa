/* Sums over columns of bytes: for all output channels of LISSOM_PIXELS pixels, one channel after the other or, for a
 * single pixel, four at a time. For each, w holds what comes first (biases as int32, with LISSOM_MIXED 256 times, and
 * multipliers) and the weights in the order in which they meet the columns. */
#ifndef LISSOM_COLUMNS_SUMS_H
#define LISSOM_COLUMNS_SUMS_H

#include "lissom_columns_q8.h"

#define LINE LISSOM_LINE

/* Output channels at once. */
#define ABREAST (LISSOM_PIXELS == 4 ? 1 : 4)

/* What a word of weights is for the first products and for the second ones. */
#if LISSOM_MIXED
#define TIMES_FIRST(times, word) times(word)
#define SECOND(word) LINE("sxtb16 " word ", " word)
#else
#define TIMES_FIRST(times, word) LINE("sxtb16 r3, " word) times("r3")
#define SECOND(word) LINE("sxtb16 " word ", " word ", ror #8")
#endif

#if LISSOM_PIXELS == 4
#define TIMES(weights) ONTO(weights, "r5", "r6", "r7")
#define ONTO(weights, second, third, fourth) /* sums r4 to r7 from these before them */ \
    LINE("ldmia r0!, {r8-r11}") LINE("smlad r5, " weights ", r9, " second) LINE("smlad r6, " weights ", r10, " third) \
    LINE("smlad r7, " weights ", r11, " fourth) LINE("smlad r4, " weights ", r8, r4")
#define ALONE(weights) ONTO(weights, "r4", "r4", "r4")
#define EIGHT_VALUES(first) \
    LINE("ldmia r1!, {r12, lr}") TIMES_FIRST(first, "r12") SECOND("r12") TIMES("r12") \
    TIMES_FIRST(TIMES, "lr") SECOND("lr") TIMES("lr")

/* Sums and results: r4 to r7 are four pixels of one output channel, r8 to r11 their columns. What the inner loop has no
 * registers for waits in s8 to s10. */
LISSOM_NOINLINE static void compute(const void *columns, const uint8_t *w, uint8_t *y, columns_outputs *o)
{
    register const void *r0 __asm__("r0") = columns;
    register const uint8_t *r1 __asm__("r1") = w;
    register uint8_t *r2 __asm__("r2") = y;
    register columns_outputs *r3 __asm__("r3") = o;
    __asm__ volatile(
        LISSOM_SAVE
        COLUMNS_BEGIN
        LINE("1: ldmia r1!, {r4, r8}")
        LINE("vmov r0, r2, s8, s9")
        LINE("vmov s4, r8")
        LINE("lsrs r2, r2, #1") /* after the first eight values so many times sixteen, or where C is clear eight less */
        EIGHT_VALUES(ALONE)
        LINE("beq 4f")
        LINE("bcc 3f")
        LINE("2:") EIGHT_VALUES(TIMES)
        LINE("3:") EIGHT_VALUES(TIMES)
        LINE("subs r2, r2, #1")
        LINE("bne 2b")
        LINE("4:") COLUMNS_END_FOUR
        LINE("bne 1b")
        LISSOM_RESTORE
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : COLUMNS_CLOBBERS);
}
#else
#define ONTO(sum, word, values) LINE("smlad " sum ", " word ", " values ", " sum)
#if LISSOM_MIXED
#define TIMES(weights, sum) ONTO(sum, weights, "r8") SECOND(weights) ONTO(sum, weights, "r9")
#else
#define TIMES(weights, sum) \
    LINE("sxtb16 r3, " weights) ONTO(sum, "r3", "r8") SECOND(weights) ONTO(sum, weights, "r9")
#endif
#define FOUR \
    LINE("ldmia r0!, {r8, r9}") LINE("ldmia r1!, {r10-r12, lr}") \
    TIMES("r10", "r4") TIMES("r11", "r5") TIMES("r12", "r6") TIMES("lr", "r7")

/* Sums and results: r4 to r7 are four output channels of one pixel, r10 to r12 and lr their weights. */
LISSOM_NOINLINE static void compute(const void *columns, const uint8_t *w, uint8_t *y, columns_outputs *o)
{
    register const void *r0 __asm__("r0") = columns;
    register const uint8_t *r1 __asm__("r1") = w;
    register uint8_t *r2 __asm__("r2") = y;
    register columns_outputs *r3 __asm__("r3") = o;
    __asm__ volatile(
        LISSOM_SAVE
        COLUMNS_BEGIN
        LINE("1: ldmia r1!, {r4-r7}")
        LINE("vldmia r1!, {s4-s7}")
        LINE("vmov r0, r2, s8, s9")
        LINE("2:") FOUR FOUR
        LINE("subs r2, r2, #1")
        LINE("bne 2b")
        COLUMNS_BYTES("s4", "s5", "s6", "s7")
        LINE("bfi r4, r5, #8, #8")
        LINE("bfi r4, r6, #16, #8")
        LINE("bfi r4, r7, #24, #8")
        LINE("str r4, [r2], #4")
        COLUMNS_NEXT
        LINE("blo 1b")
        LISSOM_RESTORE
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : COLUMNS_CLOBBERS);
}
#endif

/* Bytes of w of an output channel. */
#define PANEL(eights) (8 + 8 * (eights))

#endif
