/* Product of rows of signed bytes with weights that are mostly zero: blocks of four along a row, each output channel with
 * its own, four blocks of eight channels in turn.
 *
 * w holds for each eight output channels, those of most blocks first, how many turns they take, biases (less what the zero
 * point of x adds), multipliers, for each turn and channel four uint16, where in the row blocks are, and 16 weights, and last
 * the numbers of the channels (backends/c/packing/cortex_m55.py, "turns"). */
#include "lissom_row_m55.h"
#include "lissom_sparse.h"

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
                     ROW_HEADS("r3") TURN("")
                     "subs r11, r11, #1\n"
                     "beq 3f\n"
                     "2: " TURN("a")
                     "subs r11, r11, #1\n"
                     "bne 2b\n"
                     "3: " ROW_END
                     "vldrh.u16 q1, [r3], #16\n"
                     "vpst\n"
                     "vstrbt.16 q0, [r5, q1]\n"
                     "subs r9, r9, #8\n"
                     "bgt 1b\n"
                     "pop {r7}\n"
                     : "+r"(run)
                     :
                     : ROW_CLOBBERS);
}

void LISSOM_KERNEL(const lissom_sparse_q8_params *q, const uint8_t *x, const uint8_t *w, uint8_t *y, void *scratch)
{
    const lissom_conv_params *const p = &q->conv;
    row run = {.zero = q->y.zero, .x = scratch, .w = w, .y = y, .left = p->out_channels}; /* x is aligned as words are */
    for (int32_t i = 0; i < p->batch * p->out[2]; ++i) {
        lissom_copy_bytes(scratch, x + i * p->in_channels, p->in_channels);
        one_row(&run);
        run.y += p->y_pixel;
    }
}

LISSOM_LEVEL_END
