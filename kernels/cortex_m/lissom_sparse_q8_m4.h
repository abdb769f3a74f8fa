/* Convolutions whose weights are mostly zero: columns as of dense ones, of which each output channel meets the words that
 * it has weights for. Of a channel, w holds how many pairs of words these are, the bias as int32, 256 times, the
 * multiplier, and for each pair where they are in the columns, in bytes, both in one word, and their weights
 * (backends/c/packing, "pairs"). */
#include "lissom_columns_q8.h"
#include "lissom_sparse.h"

#define LINE LISSOM_LINE
#define ABREAST 1
#define PANEL(eights) 0 /* there are no groups */

#if LISSOM_PIXELS == 4
#define TIMES(from) \
    LINE("ldmia " from ", {r8-r11}") LINE("smlad r4, lr, r8, r4") LINE("smlad r5, lr, r9, r5") \
    LINE("smlad r6, lr, r10, r6") LINE("smlad r7, lr, r11, r7")
#define WORD(half) \
    LINE("uxtah r3, r0, r12" half) LINE("ldr lr, [r1], #4") TIMES("r3!") LINE("sxtb16 lr, lr") TIMES("r3")

/* Sums and results: r4 to r7 are four pixels of one output channel, r8 to r11 their columns. */
LISSOM_NOINLINE static void compute(const void *columns, const uint8_t *w, uint8_t *y, columns_outputs *o)
{
    register const void *r0 __asm__("r0") = columns;
    register const uint8_t *r1 __asm__("r1") = w;
    register uint8_t *r2 __asm__("r2") = y;
    register columns_outputs *r3 __asm__("r3") = o;
    __asm__ volatile(
        LISSOM_SAVE
        COLUMNS_BEGIN
        LINE("1: ldmia r1!, {r2, r4, r8}")
        LINE("vmov s4, r8")
        LINE("mov r5, r4")
        LINE("mov r6, r4")
        LINE("mov r7, r4")
        LINE("cmp r2, #0")
        LINE("beq 3f")
        LINE("2: ldr r12, [r1], #4")
        WORD("")
        WORD(", ror #16")
        LINE("subs r2, r2, #1")
        LINE("bne 2b")
        LINE("3:") COLUMNS_END_FOUR
        LINE("bne 1b")
        LISSOM_RESTORE
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : COLUMNS_CLOBBERS);
}
#else
#define WORD(half, weights) \
    LINE("uxtah r3, r0, r10" half) LINE("ldrd r8, r9, [r3]") LINE("smlad r4, " weights ", r8, r4") \
    LINE("sxtb16 " weights ", " weights) LINE("smlad r4, " weights ", r9, r4")

/* The sum and result is r4, of one pixel; r8 and r9 are its columns, r5 the zero point. */
LISSOM_NOINLINE static void compute(const void *columns, const uint8_t *w, uint8_t *y, columns_outputs *o)
{
    register const void *r0 __asm__("r0") = columns;
    register const uint8_t *r1 __asm__("r1") = w;
    register uint8_t *r2 __asm__("r2") = y;
    register columns_outputs *r3 __asm__("r3") = o;
    __asm__ volatile(
        LISSOM_SAVE
        LINE("ldrd r5, r7, [r3, #24]")
        LINE("vmov s5, r7")
        LINE("ldr r7, [r3, #8]")
        LINE("mov r6, r2")
        LINE("1: ldmia r1!, {r2, r4, r8}")
        LINE("vmov s4, r8")
        LINE("cmp r2, #0")
        LINE("beq 3f")
        LINE("2: ldmia r1!, {r10-r12}")
        WORD("", "r11")
        WORD(", ror #16", "r12")
        LINE("subs r2, r2, #1")
        LINE("bne 2b")
        LINE("3: vmov s0, r4")
        LINE("vcvt.f32.s32 s0, s0")
        LINE("vmov.f32 s1, s5")
        LINE("vmla.f32 s1, s0, s4")
        LINE("vmov r4, s1")
        LINE("qadd r4, r4, r5")
        LINE("ssat r4, #8, r4")
        LINE("strb r4, [r6], #1")
        LINE("cmp r6, r7")
        LINE("bne 1b")
        LISSOM_RESTORE
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : COLUMNS_CLOBBERS);
}
#endif

#include "lissom_columns_walk.h"

void LISSOM_KERNEL(const lissom_sparse_q8_params *q, const uint8_t *x, const uint8_t *w, uint8_t *y, void *scratch)
{
    walk(&q->conv, q->x.zero - 128, q->y.zero, x, w, 0, NULL, NULL, y, scratch);
}

LISSOM_LEVEL_END
