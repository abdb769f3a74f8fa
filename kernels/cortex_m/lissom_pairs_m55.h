/* Sums of products of signed bytes, made bytes again: four output channels of two columns at once. A dot product of 16
 * bytes adds to an even general register; there are eight of these.
 *
 * A column is a patch of LISSOM_WHOLE times 16 and LISSOM_REST bytes that lie together, or of any number of bytes where
 * LISSOM_WHOLE is -1. The rest of a patch is masked: no byte outside is read.
 *
 * w holds for each four output channels biases (less what the zero point of x adds) and multipliers, then for each 16 bytes
 * of a patch those of each channel, and last their rest (backends/c/packing/cortex_m55.py, "fours"). With LISSOM_ADDENDS there is a
 * number to add to the sums of each column. */
#ifndef LISSOM_PAIRS_M55_H
#define LISSOM_PAIRS_M55_H

#include "lissom_common.h"

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
    int32_t whole;       /* 52: of a patch */
    int32_t rest;        /* 56 */
    const int32_t *more; /* 60: what is added to the sums of each column */
} pairs;

#define NEXT(A)                                    \
    "vldrb.u8 q4, [r3], #16\nvldrb.u8 q0, [r1], #16\n" \
    "vldrb.u8 q5, [r5], #16\nvmladav" A ".s8 r0, q0, q4\n" \
    "vldrb.u8 q1, [r1], #16\nvmladav" A ".s8 r8, q0, q5\n" \
    "vldrb.u8 q2, [r1], #16\nvmladav" A ".s8 r2, q1, q4\n" \
    "vldrb.u8 q3, [r1], #16\nvmladav" A ".s8 r10, q1, q5\n" \
    "vmladav" A ".s8 r4, q2, q4\nvmladav" A ".s8 r12, q2, q5\n" \
    "vmladav" A ".s8 r6, q3, q4\nvmladav" A ".s8 lr, q3, q5\n"

#define DOTS_OF_LAST(A)                                        \
    "vpstt\nvldrbt.u8 q4, [r3]\nvldrbt.u8 q5, [r5]\n"          \
    "vmladav" A ".s8 r0, q0, q4\nvmladav" A ".s8 r8, q0, q5\n"  \
    "vmladav" A ".s8 r2, q1, q4\nvmladav" A ".s8 r10, q1, q5\n" \
    "vmladav" A ".s8 r4, q2, q4\nvmladav" A ".s8 r12, q2, q5\n" \
    "vmladav" A ".s8 r6, q3, q4\nvmladav" A ".s8 lr, q3, q5\n"

/* The rest of a patch, whose bytes the mask says. */
#if LISSOM_REST
#define MASK "movs r0, #" LISSOM_TEXT(LISSOM_REST) "\nvctp.8 r0\n"
#define REST_OF(q) "vldrbt.u8 " q ", [r1], #" LISSOM_TEXT(LISSOM_REST) "\n"
#define LAST(A) "vpstttt\n" REST_OF("q0") REST_OF("q1") REST_OF("q2") REST_OF("q3") DOTS_OF_LAST(A)
#else
#define MASK ""
#define LAST(A) ""
#endif

#define AGAIN_FROM_MEMORY "ldr r11, [r7, #28]\nsubs r11, r11, #1\nstr r11, [r7, #28]\n"
#if LISSOM_WHOLE < 0
#define REST_FROM(q) "vpst\nvldrbt.u8 " q ", [r1]\nadd r1, r11\n"
#define SUMS                                                                                 \
    "ldr r11, [r7, #52]\nmovs r0, #0\nmovs r2, #0\nmovs r4, #0\nmovs r6, #0\nmov r8, r0\n"   \
    "mov r10, r0\nmov r12, r0\nmov lr, r0\ncmp r11, #0\nbeq 3f\n"                            \
    "2: " NEXT("a") "subs r11, r11, #1\nbne 2b\n"                                            \
    "3: ldr r11, [r7, #56]\ncmp r11, #0\nbeq 4f\nvctp.8 r11\n"                              \
    REST_FROM("q0") REST_FROM("q1") REST_FROM("q2") REST_FROM("q3") DOTS_OF_LAST("a") "4:\n"
#define AGAIN AGAIN_FROM_MEMORY
#elif LISSOM_WHOLE == 0
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
#define AGAIN AGAIN_FROM_MEMORY
#endif

#ifdef LISSOM_ADDENDS
#define ADD                                                                  \
    "ldr r1, [r7, #60]\nldrd r0, r2, [r1], #8\nstr r1, [r7, #60]\n"          \
    "vadd.i32 q0, q0, r0\nvadd.i32 q1, q1, r2\n"
#else
#define ADD ""
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
                     "vmov q1[3], q1[1], r10, lr\n" ADD                                                    \
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

/* Bytes of w for four channels. */
static inline int32_t bytes_of_four(int32_t length) { return 32 + 4 * length; }

/* So many output channels at n columns of `length` bytes, `step` bytes apart. */
static void columns(int32_t zero, const uint8_t *x, int32_t step, int32_t length, const uint8_t *w, const int32_t *more,
                    uint8_t *y, int32_t y_pixel, int32_t n, int32_t channels)
{
    const int32_t beside = n > 1 ? y_pixel : 0; /* a single column is there twice */
    pairs job = {.zero = zero, .x_step = 2 * step - length / 16 * 16, .y_step = 2 * y_pixel, .lanes = 8,
                 .whole = length / 16, .rest = length % 16};
    for (int32_t i = 0; i < 4; ++i) {
        job.at[2 * i] = (uint16_t)i;
        job.at[2 * i + 1] = (uint16_t)(i + beside);
    }
    for (int32_t o = 0; o < channels; o += 4, w += bytes_of_four(length)) {
#if LISSOM_SOME
        void (*const all)(pairs *) = o + 4 <= channels ? four_channels : some_channels;
        job.lanes = 2 * (channels - o);
#else
        void (*const all)(pairs *) = four_channels;
#endif
        job.w = w;
        job.x[0] = x;
        job.x[1] = n > 1 ? x + step : x;
        job.y = y + o;
        job.more = more;
        job.pairs = lissom_larger(n / 2, 1);
        all(&job);
        if (n % 2 && n > 1) { /* the last two columns, one of them once more */
            job.w = w;
            job.x[0] = x + (n - 2) * step;
            job.x[1] = x + (n - 1) * step;
            job.y = y + o + (n - 2) * y_pixel;
            job.more = more ? more + (n - 2) : NULL;
            job.pairs = 1;
            all(&job);
        }
    }
}

#endif
