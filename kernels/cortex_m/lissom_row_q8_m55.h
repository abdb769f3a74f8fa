/* Product of rows of signed bytes with constant weights, which are read once for each row: eight output channels at once.
 *
 * A row is LISSOM_WHOLE times 16 and LISSOM_REST bytes, or any number of bytes where LISSOM_WHOLE is -1. w holds for each
 * eight output channels biases (less what the zero point of x adds), multipliers, and weights, as lissom_pairs_m55.h has
 * them for four. */
#include "lissom_conv.h"
#include "lissom_add_m55.h"
#include "lissom_row_m55.h"

#define DOT(A, sum) "vldrb.u8 q1, [r1], #16\nvmladav" A ".s8 " sum ", q1, q0\n"
#define NEXT(A)                                                                                                 \
    "vldrb.u8 q0, [r3], #16\n" DOT(A, "r0") DOT(A, "r2") DOT(A, "r4") DOT(A, "r6") DOT(A, "r8") DOT(A, "r10")   \
    DOT(A, "r12") DOT(A, "lr")

#define DOT_OF_REST(A, sum) "vldrbt.u8 q1, [r1], #" LISSOM_TEXT(LISSOM_REST) "\nvmladav" A "t.s8 " sum ", q1, q0\n"

#if LISSOM_WHOLE < 0
#define DOT_FROM(sum) "vpst\nvldrbt.u8 q1, [r1]\nadd r1, r11\nvmladava.s8 " sum ", q1, q0\n"
#define SUMS                                                                                                      \
    "ldr r11, [r7, #20]\nmovs r0, #0\nmovs r2, #0\nmovs r4, #0\nmovs r6, #0\nmov r8, r0\nmov r10, r0\n"            \
    "mov r12, r0\nmov lr, r0\ncmp r11, #0\nbeq 3f\n"                                                              \
    "2: " NEXT("a") "subs r11, r11, #1\nbne 2b\n"                                                                 \
    "3: ldr r11, [r7, #24]\ncmp r11, #0\nbeq 4f\nvctp.8 r11\nvpst\nvldrbt.u8 q0, [r3]\n" DOT_FROM("r0")           \
    DOT_FROM("r2") DOT_FROM("r4") DOT_FROM("r6") DOT_FROM("r8") DOT_FROM("r10") DOT_FROM("r12") DOT_FROM("lr") "4:\n"
#elif LISSOM_WHOLE == 0
#define SUMS LAST("")
#elif LISSOM_WHOLE <= 8
#define SUMS NEXT("") LISSOM_REPEAT(LISSOM_WHOLE - 1, NEXT("a")) LAST("a")
#else
#define SUMS                                                                                                  \
    NEXT("") LISSOM_REPEAT((LISSOM_WHOLE - 1) & 3, NEXT("a"))                                                 \
    "mov r11, #(" LISSOM_TEXT(LISSOM_WHOLE) " - 1) / 4\n"                                                     \
    "2: " LISSOM_REPEAT(4, NEXT("a")) "subs r11, r11, #1\nbne 2b\n" LAST("a")
#endif

/* The mask is there before the first sum takes its register. */
#if LISSOM_REST
#define MASK "movs r0, #" LISSOM_TEXT(LISSOM_REST) "\nvctp.8 r0\n"
#define LAST(A)                                                                          \
    "vpst\nvldrbt.u8 q0, [r3]\n"                                                         \
    "vpstttt\n" DOT_OF_REST(A, "r0") DOT_OF_REST(A, "r2")                                \
    "vpstttt\n" DOT_OF_REST(A, "r4") DOT_OF_REST(A, "r6")                                \
    "vpstttt\n" DOT_OF_REST(A, "r8") DOT_OF_REST(A, "r10")                               \
    "vpstttt\n" DOT_OF_REST(A, "r12") DOT_OF_REST(A, "lr")
#else
#define MASK ""
#define LAST(A) ""
#endif

static void one_row(const row *given)
{
    register const row *run __asm__("r1") = given;
    __asm__ volatile("push {r7}\n"
                     "mov r7, r1\n"
                     "ldrd r1, r5, [r7, #8]\n"
                     "ldr r9, [r7, #16]\n"
                     "1: " ROW_HEADS("r1")
                     "ldr r3, [r7, #4]\n" MASK SUMS ROW_END
                     "vpst\n"
                     "vstrbt.16 q0, [r5], #8\n"
                     "subs r9, r9, #8\n"
                     "bgt 1b\n"
                     "pop {r7}\n"
                     : "+r"(run)
                     :
                     : ROW_CLOBBERS);
}

void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    (void)w_zero;
    (void)multiplier;
    (void)b;
    (void)scratch;
    const lissom_conv_params *const p = &q->conv;
    const int32_t rows = p->batch * p->out[2];
    row run = {q->y.zero, x, w, y, p->out_channels, p->in_channels / 16, p->in_channels % 16};
    for (int32_t i = 0; i < rows; ++i) {
        one_row(&run);
        run.x += p->in_channels;
        run.y += p->y_pixel;
    }
    if (skip) {
        const lissom_addition add = lissom_add_of_residual(&q->y, &q->skip);
        lissom_add_run(&add, y, skip, y, rows * p->out_channels);
    }
}

LISSOM_LEVEL_END
