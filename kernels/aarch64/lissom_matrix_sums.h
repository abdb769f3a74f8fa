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

/* Eight bytes of each column, by pairs of columns; two vectors of weights for each vector of sums. */
LISSOM_INLINE const uint8_t *multiply(lissom_vi (*acc)[LISSOM_VECTORS], const int8x16_t *xs, const uint8_t *w)
{
    LISSOM_UNROLL
    for (int32_t first = 0; first < 2 * LISSOM_VECTORS; first += 4) {
        const int32_t count = lissom_smaller(4, 2 * LISSOM_VECTORS - first);
        int8x16_t weights[4];
        w = lissom_load_up_to_four(weights, w, count);
        LISSOM_UNROLL
        for (int32_t i = 0; i < PAIRS; ++i) {
            LISSOM_UNROLL
            for (int32_t k = 0; k < count; ++k) {
                lissom_vi *const to = &acc[2 * i + k % 2][(first + k) / 2];
                *to = vmmlaq_s32(*to, xs[i], weights[k]);
            }
        }
    }
    return w;
}

/* Of two columns eight bytes each, those in the lower or the upper halves. */
LISSOM_INLINE int8x16_t halves(int8x16_t a, int8x16_t b, int32_t upper)
{
    const lissom_vi one = vreinterpretq_s32_s8(a);
    const lissom_vi other = vreinterpretq_s32_s8(b);
    return vreinterpretq_s8_s32(upper ? second_halves(one, other) : first_halves(one, other));
}

LISSOM_INLINE const uint8_t *sums_run(lissom_vi (*acc)[LISSOM_VECTORS], const uint8_t *x, int32_t step, const uint8_t *w,
                                      int32_t length)
{
    const int32_t may_pass = LISSOM_STEP && LISSOM_COPIED; /* the end of a run */
    const uint8_t *const end = x + length / 16 * 16;
    int32_t left = length % 16;
    int8x16_t xs[PAIRS];
    int8x16_t upper[PAIRS];
    for (; x < end; x += 16) {
        LISSOM_UNROLL
        for (int32_t i = 0; i < PAIRS; ++i) {
            const int8x16_t one = vld1q_s8((const int8_t *)x + 2 * i * step);
            const int8x16_t other = vld1q_s8((const int8_t *)x + (2 * i + 1) * step);
            xs[i] = halves(one, other, 0);
            upper[i] = halves(one, other, 1);
        }
        w = multiply(acc, xs, w);
        w = multiply(acc, upper, w);
    }
    for (; left >= 8 || (may_pass && left > 0); x += 8, left -= 8) {
        LISSOM_UNROLL
        for (int32_t i = 0; i < PAIRS; ++i) {
            const int8x8_t one = vld1_s8((const int8_t *)x + 2 * i * step);
            xs[i] = vcombine_s8(one, vld1_s8((const int8_t *)x + (2 * i + 1) * step));
        }
        w = multiply(acc, xs, w);
    }
    if (!may_pass && left > 0) { /* four bytes, and zeros, in which weights are zero too */
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
