/* Convolution of signed bytes, channels last, with few weights that are not zero: blocks of four along a patch, each output
 * channel with its own. Eight columns at once: their patches are laid out block by block, the words of all columns side by
 * side, so that a load with four addresses fetches any four blocks of a column, and one instruction takes them times 16
 * weights.
 *
 * w is a stream: how many output channels have one group of four blocks, then those; the same of two groups, and of more,
 * which say first how many more than one. A channel is its groups (four uint16, where its blocks are laid out, and 16
 * weights), its bias (less what the zero point of x adds), its multiplier and its number (backends/c/packing/cortex_m55.py,
 * "groups"). */
#include "lissom_sparse.h"
#include "lissom_strip_m55.h"

typedef struct {
    int32_t zero;     /*  0: of y */
    const uint8_t *x; /*  4: eight patches */
    const uint8_t *w; /*  8 */
    uint8_t *y;       /* 12 */
    int32_t columns;  /* 16 */
    uint16_t at[8];   /* 20: where results go */
} eight;

#define COLUMN(A, n, sum) "vldrw.u32 q2, [q0, #" #n "]\nvmladav" A ".s8 " sum ", q1, q2\n"
#define GROUP(A)                                                                                                        \
    "vldrh.u32 q0, [r3], #8\nvldrb.u8 q1, [r3], #16\nvadd.i32 q0, q0, r1\n" COLUMN(A, 0, "r0") COLUMN(A, 4, "r2")       \
    COLUMN(A, 8, "r4") COLUMN(A, 12, "r6") COLUMN(A, 16, "r8") COLUMN(A, 20, "r10") COLUMN(A, 24, "r12")                \
    COLUMN(A, 28, "lr")

/* Channels of one kind: what they begin with, and their groups. */
#define CHANNELS(GROUPS)                                                                                   \
    "ldr r9, [r3], #4\ncmp r9, #0\nbeq 2f\n"                                                               \
    "1: " GROUPS                                                                                           \
    "vmov q2[2], q2[0], r0, r8\nvmov q2[3], q2[1], r4, r12\nvmov q3[2], q3[0], r2, r10\n"                  \
    "vmov q3[3], q3[1], r6, lr\nldm r3!, {r0, r2, r4}\nvadd.i32 q2, q2, r0\nvadd.i32 q3, q3, r0\n"         \
    "vcvt.f32.s32 q2, q2\nvcvt.f32.s32 q3, q3\nvmul.f32 q2, q2, r2\nvmul.f32 q3, q3, r2\n"                \
    "vcvtn.s32.f32 q2, q2\nadd r4, r5\nvcvtn.s32.f32 q3, q3\nvqmovnb.s32 q2, q2\nvqmovnt.s32 q2, q3\n"    \
    "vqadd.s16 q2, q2, q5\nvqmovnb.s16 q2, q2\nvpst\nvstrbt.16 q2, [r4, q6]\nsubs r9, r9, #1\nbne 1b\n"   \
    "2:\n"

/* All output channels at up to eight columns. */
static void channels(const eight *given)
{
    register const eight *run __asm__("r1") = given;
    __asm__ volatile("ldr r0, [r1]\n"
                     "vdup.16 q5, r0\n"
                     "add r0, r1, #20\n"
                     "vldrh.u16 q6, [r0]\n"
                     "ldrd r5, r0, [r1, #12]\n"
                     "vctp.16 r0\n"
                     "ldrd r1, r3, [r1, #4]\n"
                     CHANNELS(GROUP(""))
                     CHANNELS(GROUP("") GROUP("a"))
                     CHANNELS("ldr r11, [r3], #4\n" GROUP("") "3: " GROUP("a") "subs r11, r11, #1\nbne 3b\n")
                     : "+r"(run)
                     :
                     : "r0", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "q0", "q1", "q2", "q3",
                       "q5", "q6", "cc", "memory");
}

/* The words of one of eight patches. */
static inline void lay_out(uint8_t *to, const uint8_t *x, int32_t n)
{
    uint32x4_t words = vaddq_n_u32(vmulq_n_u32(vidupq_n_u32(0, 1), 32), (uint32_t)(uintptr_t)to - 128);
    __asm__ volatile("wlstp.8 lr, %[n], 2f\n"
                     "1: vldrb.u8 q0, [%[x]], #16\n"
                     "vstrw.32 q0, [%q[words], #128]!\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [words] "+w"(words), [x] "+r"(x)
                     : [n] "r"(n)
                     : "q0", "lr", "cc", "memory");
}

void LISSOM_KERNEL(const lissom_sparse_q8_params *q, const uint8_t *x, const uint8_t *w, uint8_t *y, void *scratch)
{
    const lissom_conv_params *const p = &q->conv;
    const lissom_strip strip = lissom_strip_of(p, 1);
    uint8_t *const patches = scratch;
    const int32_t length = p->kernel[0] * p->kernel[1] * p->kernel[2] * p->in_channels;
    uint8_t *const own = patches + (length + 3) / 4 * 32;
    eight run = {.zero = q->y.zero, .x = patches, .w = w};
    for (int32_t i = 0; i < 8; ++i) {
        run.at[i] = (uint16_t)(i * p->y_pixel);
    }
    for (int32_t n = 0; n < p->batch; ++n) {
        const uint8_t *const image = x + n * p->in[0] * p->in[1] * p->in[2] * p->in_channels;
        for (int32_t row = 0; row < p->out[0] * p->out[1]; ++row) {
            const uint8_t *const from = lissom_strip_at(p, &strip, image, q->x.zero - q->x.flip, row, own);
            uint8_t *const to = y + (n * p->out[0] * p->out[1] + row) * p->out[2] * p->y_pixel;
            for (int32_t c = 0; c < p->out[2]; c += 8) {
                run.columns = lissom_smaller(8, p->out[2] - c);
                run.y = to + c * p->y_pixel;
                for (int32_t i = 0; i < run.columns; ++i) {
                    lay_out(patches + 4 * i, from + (c + i) * strip.step, length);
                }
                channels(&run);
            }
        }
    }
}

LISSOM_LEVEL_END
