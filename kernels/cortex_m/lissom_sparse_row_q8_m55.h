/* Product of rows of signed bytes with weights that are mostly zero: blocks of four along a row, each output channel with
 * its own, four blocks of eight channels in turn.
 *
 * w holds for each eight output channels how many turns they take, biases (less what the zero point of x adds),
 * multipliers, and for each turn and channel four uint16, where in the row blocks are, and 16 weights
 * (backends/c/packing.py, "turns"). */
#include "lissom_sparse.h"

typedef struct {
    int32_t zero;     /*  0: of y */
    const uint8_t *x; /*  4: a row, aligned as words are */
    const uint8_t *w; /*  8 */
    uint8_t *y;       /* 12 */
    int32_t left;     /* 16: output channels */
} row;

#define DOT(A, sum)                                                                                     \
    "vldrh.u32 q0, [r3], #8\nvldrb.u8 q1, [r3], #16\nvldrw.u32 q2, [r1, q0]\nvmladav" A ".s8 " sum ", q1, q2\n"
#define TURN(A)                                                                                               \
    DOT(A, "r0") DOT(A, "r2") DOT(A, "r4") DOT(A, "r6") DOT(A, "r8") DOT(A, "r10") DOT(A, "r12") DOT(A, "lr")

static void one_row(const row *given)
{
    register const row *run __asm__("r1") = given;
    __asm__ volatile("push {r7}\n"
                     "mov r7, r1\n"
                     "ldrd r1, r3, [r7, #4]\n"
                     "ldrd r5, r9, [r7, #12]\n"
                     "1: ldr r11, [r3], #4\n"
                     "vld20.32 {q4, q5}, [r3]\n" /* even channels, odd ones: as narrowing puts them together */
                     "vld21.32 {q4, q5}, [r3]!\n"
                     "vld20.32 {q6, q7}, [r3]\n"
                     "vld21.32 {q6, q7}, [r3]!\n" TURN("")
                     "subs r11, r11, #1\n"
                     "beq 3f\n"
                     "2: " TURN("a")
                     "subs r11, r11, #1\n"
                     "bne 2b\n"
                     "3: vmov q0[2], q0[0], r0, r8\n"
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

void LISSOM_KERNEL(const lissom_sparse_q8_params *q, const uint8_t *x, const uint8_t *w, uint8_t *y, void *scratch)
{
    const lissom_conv_params *const p = &q->conv;
    row run = {q->y.zero, scratch, w, y, p->out_channels};
    for (int32_t i = 0; i < p->batch * p->out[2]; ++i) {
        lissom_copy_bytes(scratch, x + i * p->in_channels, p->in_channels);
        one_row(&run);
        run.y += p->y_pixel;
    }
}

LISSOM_LEVEL_END
