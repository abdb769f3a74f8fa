/* Product of rows of signed bytes with constant weights, which are read once for each row: eight output channels at once.
 *
 * A row is LISSOM_WHOLE times 16 and LISSOM_REST bytes. w holds for each eight output channels biases (less what the zero
 * point of x adds), multipliers, and weights, as lissom_conv_q8_m55.h has them for four. */
#include "lissom_conv.h"
#include "lissom_add_m55.h"

typedef struct {
    int32_t zero;     /*  0: of y */
    const uint8_t *x; /*  4 */
    const uint8_t *w; /*  8 */
    uint8_t *y;       /* 12 */
    int32_t left;     /* 16: output channels */
} row;

#define DOT(A, sum) "vldrb.u8 q1, [r1], #16\nvmladav" A ".s8 " sum ", q1, q0\n"
#define NEXT(A)                                                                                                 \
    "vldrb.u8 q0, [r3], #16\n" DOT(A, "r0") DOT(A, "r2") DOT(A, "r4") DOT(A, "r6") DOT(A, "r8") DOT(A, "r10")   \
    DOT(A, "r12") DOT(A, "lr")

#define DOT_OF_REST(A, sum) "vldrbt.u8 q1, [r1], #" LISSOM_TEXT(LISSOM_REST) "\nvmladav" A "t.s8 " sum ", q1, q0\n"

#if LISSOM_WHOLE == 0
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
                     "1: vld20.32 {q4, q5}, [r1]\n" /* even channels, odd ones: as narrowing puts them together */
                     "vld21.32 {q4, q5}, [r1]!\n"
                     "ldr r3, [r7, #4]\n"
                     "vld20.32 {q6, q7}, [r1]\n"
                     "vld21.32 {q6, q7}, [r1]!\n" MASK SUMS
                     "vmov q0[2], q0[0], r0, r8\n"
                     "vmov q0[3], q0[1], r4, r12\n"
                     "vmov q1[2], q1[0], r2, r10\n"
                     "vmov q1[3], q1[1], r6, lr\n"
                     "vadd.i32 q0, q0, q4\n"
                     "vadd.i32 q1, q1, q5\n"
                     "vcvt.f32.s32 q0, q0\n"
                     "vcvt.f32.s32 q1, q1\n"
                     "vmul.f32 q0, q0, q6\n"
                     "ldr r0, [r7]\n"
                     "vmul.f32 q1, q1, q7\n"
                     "vcvtn.s32.f32 q0, q0\n"
                     "vctp.16 r9\n"
                     "vcvtn.s32.f32 q1, q1\n"
                     "vqmovnb.s32 q0, q0\n"
                     "vqmovnt.s32 q0, q1\n"
                     "vqadd.s16 q0, q0, r0\n"
                     "vqmovnb.s16 q0, q0\n"
                     "vpst\n"
                     "vstrbt.16 q0, [r5], #8\n"
                     "subs r9, r9, #8\n"
                     "bgt 1b\n"
                     "pop {r7}\n"
                     : "+r"(run)
                     :
                     : "r0", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "q0", "q1", "q2", "q3",
                       "q4", "q5", "q6", "q7", "cc", "memory");
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
    row run = {q->y.zero, x, w, y, p->out_channels};
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
