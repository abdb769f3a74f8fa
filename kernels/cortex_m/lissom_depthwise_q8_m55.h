/* Depthwise convolution of signed bytes, channels last, over two axes.
 *
 * A dot product of Helium sums over its 16 lanes, so those have to be taps of one channel. The rows under the kernel are
 * therefore copied so that four of them lie side by side: for each column and channel a word of four rows, a quad. Four
 * columns of a channel, which a load with offsets fetches, are then 16 taps. For kernels of up to 3 by 3 that move one by one
 * (LISSOM_SQUARE) these hold what two rows and two columns of results need: four dot products, of weights moved by a
 * row, by a column, and by both. Else such a vector is a part of one result; there are LISSOM_PARTS of them.
 *
 * Eight results at once: 2 rows of 4 columns, or 8 columns. The copy has LISSOM_BLOCK channels, of as many rows of results
 * as LISSOM_LIMIT bytes hold, and a border of the zero point. x may be y where it holds all rows.
 *
 * w holds the biases (less what the zero point of x adds) of all channels, their multipliers, and for each channel its
 * weights, column by column (backends/c/packing/cortex_m55.py, "channels"). */
#include "lissom_add_m55.h"
#include "lissom_conv.h"

#define HEIGHT LISSOM_HEIGHT
#define WIDTH LISSOM_WIDTH
#define QUADS ((HEIGHT + 3) / 4) /* of rows under the kernel */

typedef struct {
    int32_t zero;            /*   0: of y */
    int32_t y_step;          /*   4: eight results further */
    const uint8_t *x;        /*   8: quads of the channel */
    uint8_t *y;              /*  12 */
    int32_t lanes;           /*  16: results of a group: one row, or two of them column by column */
    int32_t groups;          /*  20 */
    int32_t x_group;         /*  24: from behind a group to the next one */
    int32_t y_group;         /*  28 */
    int32_t bias;            /*  32 */
    float multiplier;        /*  36 */
    int32_t none;            /*  40 */
    int32_t x_step;          /*  44: eight results further */
    uint16_t at[8];          /*  48: where results go */
    uint32_t columns[4];     /*  64: of quads */
    int8_t w[LISSOM_PARTS][16]; /* 80 */
    int32_t parts[LISSOM_PARTS]; /* where the quads of each part are */
} job;

#define TEXT_PARTS_AT LISSOM_TEXT(LISSOM_PARTS) " * 16 + 80"

#if LISSOM_SQUARE
#define WEIGHTS                         \
    "vldrw.u32 q0, [r7, #80]\n"         \
    "movs r0, #0\n"                     \
    "vorr q1, q0, q0\n"                 \
    "vshlc q1, r0, #32\n"               \
    "vshl.u32 q2, q0, #8\n"             \
    "vshl.u32 q3, q1, #8\n"
#define SUMS                                                                 \
    "vldrw.u32 q6, [r1, q4]\n"                                               \
    "add r1, r1, #" LISSOM_TEXT(LISSOM_STEP) "\n"                            \
    "vmladav.s8 r0, q0, q6\n"                                                \
    "vldrw.u32 q7, [r1, q4]\n"                                               \
    "vmladav.s8 r2, q1, q6\n"                                                \
    "vmladav.s8 r4, q2, q6\n"                                                \
    "vmladav.s8 r6, q3, q6\n"                                                \
    "add r1, r1, #" LISSOM_TEXT(LISSOM_STEP) "\n"                            \
    "vmladav.s8 r8, q0, q7\n"                                                \
    "vmladav.s8 r10, q1, q7\n"                                               \
    "vmladav.s8 r12, q2, q7\n"                                               \
    "vmladav.s8 lr, q3, q7\n"                                                \
    "vmov q6[2], q6[0], r0, r8\n"                                            \
    "vmov q6[3], q6[1], r2, r10\n"                                           \
    "vmov q7[2], q7[0], r4, r12\n"                                           \
    "vmov q7[3], q7[1], r6, lr\n"
#else
#define COLUMN(A, sum)                                   \
    "vldrw.u32 q6, [r9, q4]\n"                           \
    "add r9, r9, #" LISSOM_TEXT(LISSOM_STEP) "\n"        \
    "vmladav" A ".s8 " sum ", q0, q6\n"
#define PART(A)                                                                       \
    COLUMN(A, "r0") COLUMN(A, "r2") COLUMN(A, "r4") COLUMN(A, "r6") COLUMN(A, "r8")   \
    COLUMN(A, "r10") COLUMN(A, "r12") COLUMN(A, "lr")
#if LISSOM_PARTS == 1
#define WEIGHTS "vldrw.u32 q0, [r7, #80]\n"
#define PARTS "mov r9, r1\n" PART("")
#else
#define WEIGHTS ""
#define PARTS                                                                                             \
    "add r3, r7, #80\n"                                                                                   \
    "ldr r9, [r7, #" TEXT_PARTS_AT "]\n"                                                                  \
    "add r9, r1\n"                                                                                        \
    "vldrw.u32 q0, [r3], #16\n" PART("")                                                                  \
    ".set part, 4\n"                                                                                      \
    LISSOM_REPEAT(LISSOM_PARTS - 1,                                                                       \
                  "ldr r9, [r7, #" TEXT_PARTS_AT " + part]\n"                                             \
                  ".set part, part + 4\n"                                                                 \
                  "add r9, r1\n"                                                                          \
                  "vldrw.u32 q0, [r3], #16\n" PART("a"))
#endif
#define SUMS                                                                 \
    PARTS                                                                    \
    "vmov q6[2], q6[0], r0, r8\n"                                            \
    "vmov q6[3], q6[1], r4, r12\n"                                           \
    "vmov q7[2], q7[0], r2, r10\n"                                           \
    "vmov q7[3], q7[1], r6, lr\n"                                            \
    "ldrd r9, r0, [r7, #40]\n"                                               \
    "add r1, r0\n"                                                           \
    "ldr r9, [r7, #32]\n"
#endif

/* One channel. */
static void channel(const job *given)
{
    register const job *run __asm__("r1") = given;
    __asm__ volatile("push {r7}\n"
                     "mov r7, r1\n"
                     "vldrw.u32 q4, [r7, #64]\n"
                     "vldrh.u16 q5, [r7, #48]\n" WEIGHTS
                     "ldrd r9, r11, [r7, #32]\n"
                     "ldrd r1, r0, [r7, #8]\n"
                     "ldr r2, [r7, #20]\n"
                     "push {r0, r2}\n"
                     "1: ldr r5, [r7, #16]\n"
                     "2:\n" SUMS
                     "ldrd r0, r2, [r7]\n"
                     "vadd.i32 q6, q6, r9\n"
                     "vadd.i32 q7, q7, r9\n"
                     "vcvt.f32.s32 q6, q6\n"
                     "ldr r3, [sp]\n"
                     "vcvt.f32.s32 q7, q7\n"
                     "vmul.f32 q6, q6, r11\n"
                     "vmul.f32 q7, q7, r11\n"
                     "vcvtn.s32.f32 q6, q6\n"
                     "vctp.16 r5\n"
                     "vcvtn.s32.f32 q7, q7\n"
                     "vqmovnb.s32 q6, q6\n"
                     "vqmovnt.s32 q6, q7\n"
                     "vqadd.s16 q6, q6, r0\n"
                     "vqmovnb.s16 q6, q6\n"
                     "vpst\n"
                     "vstrbt.16 q6, [r3, q5]\n"
                     "add r3, r2\n"
                     "str r3, [sp]\n"
                     "subs r5, r5, #8\n"
                     "bgt 2b\n"
                     "ldrd r0, r2, [r7, #24]\n"
                     "add r1, r0\n"
                     "add r3, r2\n"
                     "ldr r0, [sp, #4]\n"
                     "str r3, [sp]\n"
                     "subs r0, r0, #1\n"
                     "str r0, [sp, #4]\n"
                     "bne 1b\n"
                     "pop {r0, r2}\n"
                     "pop {r7}\n"
                     : "+r"(run)
                     :
                     : "r0", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "q0", "q1", "q2", "q3",
                       "q4", "q5", "q6", "q7", "cc", "memory");
}

/* Lanes of weights that the mask says are there, zeros in the others. */
static inline void pick(int8_t *to, const int8_t *w, const uint8_t *from, uint32_t mask)
{
    __asm__ volatile("vldrb.u8 q0, [%[from]]\n"
                     "vmsr p0, %[mask]\n"
                     "vpst\n"
                     "vldrbt.u8 q1, [%[w], q0]\n"
                     "vstrb.8 q1, [%[to]]\n"
                     :
                     : [to] "r"(to), [w] "r"(w), [from] "r"(from), [mask] "r"(mask)
                     : "q0", "q1", "memory");
}

/* Rows of x: n columns, x_step bytes apart, become a row of quads; without x, a row of the border. */
static void quads_row(uint8_t *to, const uint8_t *x, int32_t x_step, int32_t n, int32_t bytes, int32_t zero)
{
    const uint8x16_t fours = vshlq_n_u8(vidupq_n_u8(0, 1), 2);
    if (x == NULL) {
        __asm__ volatile("vdup.8 q1, %[zero]\n"
                         "wlstp.8 lr, %[bytes], 2f\n"
                         "1: vstrb.8 q1, [%[to], %q[fours]]\n"
                         "adds %[to], #64\n"
                         "letp lr, 1b\n"
                         "2:\n"
                         : [to] "+l"(to)
                         : [bytes] "r"(n * LISSOM_BLOCK), [zero] "r"(zero), [fours] "w"(fours)
                         : "q1", "lr", "cc", "memory");
        return;
    }
    if (x_step == LISSOM_BLOCK) { /* all channels: columns lie side by side */
        bytes *= n;
        __asm__ volatile("wlstp.8 lr, %[bytes], 2f\n"
                         "1: vldrb.u8 q1, [%[x]], #16\n"
                         "vstrb.8 q1, [%[to], %q[fours]]\n"
                         "adds %[to], #64\n"
                         "letp lr, 1b\n"
                         "2:\n"
                         : [to] "+l"(to), [x] "+r"(x)
                         : [bytes] "r"(bytes), [fours] "w"(fours)
                         : "q1", "lr", "cc", "memory");
        return;
    }
    __asm__ volatile("vctp.8 %[bytes]\n"
                     "wls lr, %[n], 2f\n"
                     "1: vpstt\n"
                     "vldrbt.u8 q1, [%[x]]\n"
                     "vstrbt.8 q1, [%[to], %q[fours]]\n"
                     "add %[x], %[x_step]\n"
                     "adds %[to], #" LISSOM_TEXT(LISSOM_BLOCK) " * 4\n"
                     "le lr, 1b\n"
                     "2:\n"
                     : [to] "+l"(to), [x] "+r"(x)
                     : [n] "r"(n), [bytes] "r"(bytes), [x_step] "r"(x_step), [fours] "w"(fours)
                     : "q1", "lr", "cc", "memory");
}

/* Output rows of a group, and the row of y that group g begins with: where the last one would be half a group, it takes
 * a row once more. */
#define ROWS (LISSOM_SQUARE ? 2 : 1)

static inline int32_t first_row(const lissom_conv_params *p, int32_t g)
{
    return lissom_smaller(g * ROWS, p->out[1] - ROWS);
}

/* The quads of n groups from group g on. */
static void copy_quads(const lissom_conv_q8_params *q, const uint8_t *x, int32_t g, int32_t n, int32_t columns,
                       int32_t bytes, uint8_t *to)
{
    const lissom_conv_params *const p = &q->conv;
    const int32_t zero = q->x.zero - q->x.flip;
    for (int32_t i = 0; i < n; ++i) {
        const int32_t top = first_row(p, g + i) * p->stride[1] - p->pad[1];
        for (int32_t r = 0; r < QUADS * 4; ++r) {
            const int32_t h = top + r * p->dilation[1];
            const int32_t is_there = h >= 0 && h < p->in[1] && r < HEIGHT + ROWS - 1;
            uint8_t *const row = to + ((i * QUADS + r / 4) * columns + p->pad[2]) * (LISSOM_BLOCK * 4) + r % 4;
            quads_row(row, is_there ? x + h * p->in[2] * p->groups : NULL, p->groups, 
                      lissom_smaller(p->in[2], columns - p->pad[2]), bytes, zero);
        }
    }
}

/* Columns of quads: what all dot products of a row of results see. */
static inline int32_t columns_of(const lissom_conv_params *p)
{
#if LISSOM_SQUARE
    return (p->out[2] + 3) / 4 * 4 + 2;
#else
    return ((p->out[2] + 7) / 8 * 8 - 1) * p->stride[2] + ((WIDTH + 3) / 4 * 4 - 1) * p->dilation[2] + 1;
#endif
}

void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    (void)w_zero;
    (void)multiplier;
    (void)b;
    const lissom_conv_params *const p = &q->conv;
    const int32_t columns = columns_of(p);
    const int32_t quads = columns * LISSOM_BLOCK * 4; /* bytes of a row of them */
    const int32_t groups = (p->out[1] + ROWS - 1) / ROWS;
    const int32_t band = lissom_larger(1, lissom_smaller(groups, LISSOM_LIMIT / (QUADS * quads)));
    const int32_t y_row = p->out[2] * p->y_pixel;
    const uint8_t *const factors = w + p->groups * 4;
    const uint8_t *const weights = factors + p->groups * 4;
    uint8_t *const copy = scratch;
    job run;
    run.zero = q->y.zero;
    run.lanes = p->out[2] * ROWS;
    run.y_step = (8 / ROWS) * p->y_pixel;
    run.x_step = 8 * LISSOM_STEP;
    const int32_t tiles = (run.lanes + 7) / 8;
    run.x_group = QUADS * quads - tiles * (LISSOM_SQUARE ? 2 : 8) * LISSOM_STEP;
    run.y_group = ROWS * y_row - tiles * run.y_step;
    for (int32_t i = 0; i < 8; ++i) {
        run.at[i] = (uint16_t)(i / ROWS * p->y_pixel + i % ROWS * y_row);
    }
    for (int32_t i = 0; i < 4; ++i) {
        run.columns[i] = (uint32_t)(i * p->dilation[2] * LISSOM_BLOCK * 4);
    }
    uint8_t from[LISSOM_PARTS][16]; /* the weights of each part, and which lanes have one */
    uint32_t there[LISSOM_PARTS];
    for (int32_t i = 0; i < LISSOM_PARTS; ++i) {
        there[i] = 0;
        for (int32_t lane = 0; lane < 16; ++lane) {
            const int32_t row = i % QUADS * 4 + lane % 4;
            const int32_t column = i / QUADS * 4 + lane / 4;
            const int32_t is_there = row < HEIGHT && column < WIDTH;
            from[i][lane] = (uint8_t)(is_there ? column * HEIGHT + row : 0);
            there[i] |= (uint32_t)is_there << lane;
        }
        run.parts[i] = i % QUADS * quads + i / QUADS * 4 * p->dilation[2] * LISSOM_BLOCK * 4;
    }
    lissom_fill_bytes(copy, q->x.zero - q->x.flip, band * QUADS * quads);
    for (int32_t n = 0; n < p->batch; ++n) {
        for (int32_t block = 0; block < p->groups; block += LISSOM_BLOCK) {
            const int32_t bytes = lissom_smaller(LISSOM_BLOCK, p->groups - block);
            for (int32_t g = 0; g < groups; g += band) {
                const int32_t many = lissom_smaller(band, groups - g);
                copy_quads(q, x + n * p->in[1] * p->in[2] * p->groups + block, g, many, columns, bytes, copy);
                for (int32_t c = 0; c < bytes; ++c) {
                    const int8_t *const own = (const int8_t *)weights + (block + c) * HEIGHT * WIDTH;
                    for (int32_t i = 0; i < LISSOM_PARTS; ++i) {
                        pick(run.w[i], own, from[i], there[i]);
                    }
                    memcpy(&run.bias, w + (block + c) * 4, 4);
                    memcpy(&run.multiplier, factors + (block + c) * 4, 4);
                    uint8_t *const to = y + n * p->out[1] * y_row + block + c;
                    /* A last group that overlaps the one before is for itself. */
                    const int32_t over = g + many == groups && p->out[1] % ROWS != 0;
                    run.x = copy + c * 4;
                    run.y = to + g * ROWS * y_row;
                    run.groups = many - over;
                    if (run.groups > 0) {
                        channel(&run);
                    }
                    if (over) {
                        run.x = copy + c * 4 + (many - 1) * QUADS * quads;
                        run.y = to + first_row(p, groups - 1) * y_row;
                        run.groups = 1;
                        channel(&run);
                    }
                }
            }
        }
    }
    if (skip) {
        const lissom_addition add = lissom_add_of_residual(&q->y, &q->skip);
        lissom_add_run(&add, y, skip, y, p->batch * p->out[1] * y_row);
    }
}

LISSOM_LEVEL_END
