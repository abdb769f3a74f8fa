/* Convolution of signed bytes, channels last: four output channels of two columns at once. A dot product of 16 bytes
 * adds to an even general register; there are eight of these.
 *
 * What lies under the kernel at one column is a patch of LISSOM_WHOLE times 16 and LISSOM_REST bytes, in the order kernel
 * column, kernel row, channel. Where a kernel has one row and no border, patches are read where they are. Else a strip is
 * made of each output row, lissom_strip_m55.h. The rest of a patch is masked: no byte outside is read.
 *
 * w holds for each four output channels of a group the biases (less what the zero point of x adds) and multipliers, then
 * for each 16 bytes of a patch those of each channel, and last their rest (backends/c/packing.py, "fours"). */
#include "lissom_conv.h"
#include "lissom_add_m55.h"
#include "lissom_strip_m55.h"

/* Columns whose results are kept until a residual operand is added. */
#define CHUNK 16

typedef struct {
    const uint8_t *w;    /*  0: weights of four channels; before a run what is in front of them */
    int32_t zero;        /*  4: of y */
    const uint8_t *x[2]; /*  8: the patches of two columns */
    int32_t x_step;      /* 16: from where such a patch was read to, to the next but one */
    int32_t y_step;      /* 20: two columns of y */
    uint8_t *y;          /* 24 */
    int32_t pairs;       /* 28 */
    uint16_t at[8];      /* 32: where results go: channel by channel, each of both columns */
    int32_t lanes;       /* 48: twice as many as there are of the four channels */
} pairs;

#define NEXT(A)                                    \
    "vldrb.u8 q4, [r3], #16\nvldrb.u8 q0, [r1], #16\n" \
    "vldrb.u8 q5, [r5], #16\nvmladav" A ".s8 r0, q0, q4\n" \
    "vldrb.u8 q1, [r1], #16\nvmladav" A ".s8 r8, q0, q5\n" \
    "vldrb.u8 q2, [r1], #16\nvmladav" A ".s8 r2, q1, q4\n" \
    "vldrb.u8 q3, [r1], #16\nvmladav" A ".s8 r10, q1, q5\n" \
    "vmladav" A ".s8 r4, q2, q4\nvmladav" A ".s8 r12, q2, q5\n" \
    "vmladav" A ".s8 r6, q3, q4\nvmladav" A ".s8 lr, q3, q5\n"

/* The rest of a patch, whose bytes the mask says. */
#if LISSOM_REST
#define MASK "movs r0, #" LISSOM_TEXT(LISSOM_REST) "\nvctp.8 r0\n"
#define REST_OF(q) "vldrbt.u8 " q ", [r1], #" LISSOM_TEXT(LISSOM_REST) "\n"
#define LAST(A)                                                         \
    "vpstttt\n" REST_OF("q0") REST_OF("q1") REST_OF("q2") REST_OF("q3") \
    "vpstt\nvldrbt.u8 q4, [r3]\nvldrbt.u8 q5, [r5]\n"                   \
    "vmladav" A ".s8 r0, q0, q4\nvmladav" A ".s8 r8, q0, q5\n"          \
    "vmladav" A ".s8 r2, q1, q4\nvmladav" A ".s8 r10, q1, q5\n"         \
    "vmladav" A ".s8 r4, q2, q4\nvmladav" A ".s8 r12, q2, q5\n"         \
    "vmladav" A ".s8 r6, q3, q4\nvmladav" A ".s8 lr, q3, q5\n"
#else
#define MASK ""
#define LAST(A) ""
#endif

#if LISSOM_WHOLE == 0
#define SUMS LAST("")
#define AGAIN "subs r11, r11, #1\n"
#elif LISSOM_WHOLE <= 12
#define SUMS NEXT("") LISSOM_REPEAT(LISSOM_WHOLE - 1, NEXT("a")) LAST("a")
#define AGAIN "subs r11, r11, #1\n"
#else
#define SUMS                                                                                \
    NEXT("") LISSOM_REPEAT((LISSOM_WHOLE - 1) & 3, NEXT("a"))                               \
    "mov r11, #(" LISSOM_TEXT(LISSOM_WHOLE) " - 1) / 4\n"                                   \
    "2: " NEXT("a") NEXT("a") NEXT("a") NEXT("a") "subs r11, r11, #1\nbne 2b\n" LAST("a")
#define AGAIN "ldr r11, [r7, #28]\nsubs r11, r11, #1\nstr r11, [r7, #28]\n"
#endif

/* Sums of pairs of columns, one after the other, made bytes and stored by STORE, which is the same for all columns. */
#define RUN(STORE)                                                                                         \
    __asm__ volatile("push {r7}\n"                                                                         \
                     "mov r7, r1\n"                                                                        \
                     "ldr r1, [r7]\n"                                                                      \
                     "vldrw.32 q6, [r1], #16\n"                                                            \
                     "vldrw.32 q7, [r1], #16\n"                                                            \
                     "str r1, [r7]\n"                                                                      \
                     "ldrd r3, r5, [r7, #8]\n"                                                             \
                     "ldrd r9, r11, [r7, #24]\n"                                                           \
                     "1:\n" MASK SUMS                                                                      \
                     "vmov q0[2], q0[0], r0, r4\n"                                                         \
                     "vmov q0[3], q0[1], r2, r6\n"                                                         \
                     "vmov q1[2], q1[0], r8, r12\n"                                                        \
                     "vmov q1[3], q1[1], r10, lr\n"                                                        \
                     "vadd.i32 q0, q0, q6\n"                                                               \
                     "ldrd r1, r0, [r7]\n"                                                                 \
                     "vadd.i32 q1, q1, q6\n"                                                               \
                     "ldrd r2, r4, [r7, #16]\n"                                                            \
                     "vcvt.f32.s32 q0, q0\n"                                                               \
                     "vldrh.u16 q3, [r7, #32]\n"                                                           \
                     "vcvt.f32.s32 q1, q1\n"                                                               \
                     "add r3, r2\n"                                                                        \
                     "vmul.f32 q0, q0, q7\n"                                                               \
                     "add r5, r2\n"                                                                        \
                     "vmul.f32 q1, q1, q7\n"                                                               \
                     "vcvtn.s32.f32 q0, q0\n"                                                              \
                     "vcvtn.s32.f32 q1, q1\n"                                                              \
                     "vqmovnb.s32 q2, q0\n"                                                                \
                     "vqmovnt.s32 q2, q1\n"                                                                \
                     "vqadd.s16 q2, q2, r0\n"                                                              \
                     "vqmovnb.s16 q2, q2\n" STORE                                                          \
                     "add r9, r4\n" AGAIN                                                                  \
                     "bne 1b\n"                                                                            \
                     "pop {r7}\n"                                                                          \
                     : "+r"(run)                                                                           \
                     :                                                                                     \
                     : "r0", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "q0",    \
                       "q1", "q2", "q3", "q4", "q5", "q6", "q7", "cc", "memory")

static void four_channels(pairs *given)
{
    register pairs *run __asm__("r1") = given;
    RUN("vstrb.16 q2, [r9, q3]\n");
}

#if LISSOM_SOME
/* As many of the four as there are. */
static void some_channels(pairs *given)
{
    register pairs *run __asm__("r1") = given;
    RUN("ldr r6, [r7, #48]\nvctp.16 r6\nvpst\nvstrbt.16 q2, [r9, q3]\n");
}
#endif

#define BLOCK (32 + 4 * (16 * LISSOM_WHOLE + LISSOM_REST)) /* bytes of w for four channels */

/* All output channels of a group at n columns. */
static void columns(const lissom_conv_q8_params *q, const uint8_t *x, int32_t step, const uint8_t *w, uint8_t *y,
                    int32_t y_pixel, int32_t n)
{
    const uint8_t *const last = x + (n - 1) * step;
    const int32_t beside = n > 1 ? y_pixel : 0; /* a single column is there twice */
    pairs job = {.zero = q->y.zero, .x_step = 2 * step - 16 * LISSOM_WHOLE, .y_step = 2 * y_pixel, .lanes = 8};
    for (int32_t i = 0; i < 4; ++i) {
        job.at[2 * i] = (uint16_t)i;
        job.at[2 * i + 1] = (uint16_t)(i + beside);
    }
    for (int32_t o = 0; o < q->conv.out_channels; o += 4, w += BLOCK) {
#if LISSOM_SOME
        void (*const all)(pairs *) = o + 4 <= q->conv.out_channels ? four_channels : some_channels;
        job.lanes = 2 * (q->conv.out_channels - o);
#else
        void (*const all)(pairs *) = four_channels;
#endif
        job.w = w;
        job.x[0] = x;
        job.x[1] = n > 1 ? x + step : x;
        job.y = y + o;
        job.pairs = lissom_larger(n / 2, 1);
        all(&job);
        if (n % 2 && n > 1) { /* the last two columns, one of them once more */
            job.w = w;
            job.x[0] = last - step;
            job.x[1] = last;
            job.y = y + o + (n - 2) * y_pixel;
            job.pairs = 1;
            all(&job);
        }
    }
}

void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    (void)w_zero;
    (void)multiplier;
    (void)b;
    const lissom_conv_params *const p = &q->conv;
    const int32_t pixel = p->in_channels * p->groups;
    const int32_t channels = p->out_channels * p->groups;
    const lissom_strip strip = lissom_strip_of(p, 1);
    uint8_t *const sums = (uint8_t *)scratch + lissom_strip_bytes(&strip);
    const lissom_addition add = lissom_add_of_residual(&q->y, &q->skip);
    const int32_t blocks = (p->out_channels + 3) / 4 * BLOCK;
    for (int32_t n = 0; n < p->batch; ++n) {
        const uint8_t *const image = x + n * p->in[0] * p->in[1] * p->in[2] * pixel;
        for (int32_t g = 0; g < p->groups; ++g) {
            for (int32_t row = 0; row < p->out[0] * p->out[1]; ++row) {
                const uint8_t *from = lissom_strip_at(p, &strip, image + g * p->in_channels, q->x.zero - q->x.flip, row, scratch);
                int32_t to = (n * p->out[0] * p->out[1] + row) * p->out[2];
                const int32_t chunk = skip ? CHUNK : p->out[2];
                for (int32_t c = 0; c < p->out[2]; c += chunk) {
                    const int32_t many = lissom_smaller(chunk, p->out[2] - c);
                    uint8_t *const at = y + (to + c) * p->y_pixel + g * p->out_channels;
                    if (skip == NULL) {
                        columns(q, from, strip.step, w + g * blocks, at, p->y_pixel, many);
                        continue;
                    }
                    columns(q, from + c * strip.step, strip.step, w + g * blocks, sums, p->out_channels, many);
                    for (int32_t i = 0; i < (p->groups > 1 ? many : 1); ++i) {
                        const int32_t ahead = ((to + c + i) * channels) + g * p->out_channels;
                        lissom_add_run(&add, sums + i * p->out_channels, skip + ahead, y + ahead,
                                       p->out_channels * (p->groups > 1 ? 1 : many));
                    }
                }
            }
        }
    }
}

LISSOM_LEVEL_END
