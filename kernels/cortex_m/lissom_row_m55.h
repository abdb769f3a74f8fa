/* What products of rows of signed bytes have in common, dense and sparse: eight output channels at once, whose biases,
 * multipliers and sums become bytes. r7 is a `row`. */
#ifndef LISSOM_ROW_M55_H
#define LISSOM_ROW_M55_H

#include "lissom_common.h"

typedef struct {
    int32_t zero;     /*  0: of y */
    const uint8_t *x; /*  4 */
    const uint8_t *w; /*  8 */
    uint8_t *y;       /* 12 */
    int32_t left;     /* 16: output channels */
    int32_t whole;    /* 20: vectors of a row */
    int32_t rest;     /* 24: bytes behind them */
} row;

/* Biases and multipliers of even channels and odd ones, as narrowing puts them together. */
#define ROW_HEADS(w)                                                                          \
    "vld20.32 {q4, q5}, [" w "]\nvld21.32 {q4, q5}, [" w "]!\n"                           \
    "vld20.32 {q6, q7}, [" w "]\nvld21.32 {q6, q7}, [" w "]!\n"

/* Eight sums are bytes in q0, for a store that the mask of as many channels as r9 says follows. */
#define ROW_END                                                                                  \
    "vmov q0[2], q0[0], r0, r8\nvmov q0[3], q0[1], r4, r12\nvmov q1[2], q1[0], r2, r10\n"        \
    "vmov q1[3], q1[1], r6, lr\nvadd.i32 q0, q0, q4\nvadd.i32 q1, q1, q5\nvcvt.f32.s32 q0, q0\n" \
    "vcvt.f32.s32 q1, q1\nvmul.f32 q0, q0, q6\nldr r0, [r7]\nvmul.f32 q1, q1, q7\n"             \
    "vcvtn.s32.f32 q0, q0\nvctp.16 r9\nvcvtn.s32.f32 q1, q1\nvqmovnb.s32 q0, q0\n"             \
    "vqmovnt.s32 q0, q1\nvqadd.s16 q0, q0, r0\nvqmovnb.s16 q0, q0\n"

#define ROW_CLOBBERS                                                                                                \
    "r0", "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6", \
        "q7", "cc", "memory"

#endif
