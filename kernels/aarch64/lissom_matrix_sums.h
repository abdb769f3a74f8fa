/* The sums of a tile (lissom_conv_q8_tile.h) by products of matrices: eight bytes each of two columns times eight bytes each
 * of two channels add to a vector of four sums, those of the first column in front. */
#ifndef LISSOM_MATRIX_SUMS_H
#define LISSOM_MATRIX_SUMS_H

#define TILE_DEPTH 8 /* bytes of a run that a vector of weights is for */
#define PAIRS (LISSOM_ROWS / 2)

/* Of two vectors the first halves, and the second ones. */
LISSOM_INLINE lissom_vi first_halves(lissom_vi a, lissom_vi b)
{
    return vreinterpretq_s32_s64(vzip1q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}
LISSOM_INLINE lissom_vi second_halves(lissom_vi a, lissom_vi b)
{
    return vreinterpretq_s32_s64(vzip2q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}

/* In acc[2 * i][v] are columns 2 * i and 2 * i + 1 of the first two channels of vector v, in the next row the others. */
LISSOM_INLINE void sums_start(lissom_vi (*acc)[LISSOM_VECTORS], const uint8_t *panel)
{
    LISSOM_UNROLL
    for (int32_t i = 0; i < PAIRS; ++i) {
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            acc[2 * i][v] = vreinterpretq_s32_s64(vld1q_dup_s64((const void *)(panel + v * 16)));
            acc[2 * i + 1][v] = vreinterpretq_s32_s64(vld1q_dup_s64((const void *)(panel + v * 16 + 8)));
        }
        LISSOM_FORGET(panel);
    }
}

/* Columns and channels to their places. */
LISSOM_INLINE void sums_end(lissom_vi (*acc)[LISSOM_VECTORS])
{
    LISSOM_UNROLL
    for (int32_t i = 0; i < PAIRS; ++i) {
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            const lissom_vi a = acc[2 * i][v];
            const lissom_vi b = acc[2 * i + 1][v];
            acc[2 * i][v] = first_halves(a, b);
            acc[2 * i + 1][v] = second_halves(a, b);
        }
    }
}

/* Eight bytes of each column, by pairs of columns. */
LISSOM_INLINE const uint8_t *multiply(lissom_vi (*acc)[LISSOM_VECTORS], const int8x16_t *xs, const uint8_t *w)
{
    LISSOM_UNROLL
    for (int32_t half = 0; half < 2; ++half) {
        lissom_vi weights[LISSOM_VECTORS];
        load_weights(weights, w + half * LISSOM_VECTORS * 16);
        LISSOM_UNROLL
        for (int32_t k = 0; k < LISSOM_VECTORS; ++k) {
            const int32_t two = half * LISSOM_VECTORS + k; /* which two channels */
            LISSOM_UNROLL
            for (int32_t i = 0; i < PAIRS; ++i) {
                lissom_vi *const to = &acc[2 * i + two % 2][two / 2];
                *to = vmmlaq_s32(*to, xs[i], vreinterpretq_s8_s32(weights[k]));
            }
        }
    }
    return w + LISSOM_VECTORS * 32;
}

LISSOM_INLINE const uint8_t *sums_run(lissom_vi (*acc)[LISSOM_VECTORS], const uint8_t *x, int32_t step, const uint8_t *w,
                                      int32_t length)
{
    const int32_t may_pass = LISSOM_STEP && LISSOM_COPIED; /* the end of a run */
    const uint8_t *const end = x + (length + (may_pass ? 7 : 0)) / 8 * 8;
    int8x16_t xs[PAIRS];
    for (; x < end; x += 8) {
        LISSOM_UNROLL
        for (int32_t i = 0; i < PAIRS; ++i) {
            const int8x8_t one = vld1_s8((const int8_t *)x + 2 * i * step);
            xs[i] = vcombine_s8(one, vld1_s8((const int8_t *)x + (2 * i + 1) * step));
        }
        w = multiply(acc, xs, w);
    }
    if (!may_pass && length % 8 > 0) { /* four bytes, and zeros, in which weights are zero too */
        LISSOM_UNROLL
        for (int32_t i = 0; i < PAIRS; ++i) {
            uint32_t two[2];
            memcpy(two, x + 2 * i * step, 4);
            memcpy(two + 1, x + (2 * i + 1) * step, 4);
            xs[i] = vcombine_s8(vcreate_s8(two[0]), vcreate_s8(two[1]));
        }
        w = multiply(acc, xs, w);
    }
    return w;
}

#endif
