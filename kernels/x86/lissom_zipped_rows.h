/* Rows of bytes by dot products, for depthwise convolutions: the bytes of up to four rows are zipped, so that a lane holds
 * one channel of each and a dot product takes four taps. Zipping leaves channels in an order that packing the results undoes,
 * so only weights, biases and multipliers are stored in it.
 *
 * LISSOM_HEIGHT is the rows under the kernel. */
#ifndef LISSOM_ZIPPED_ROWS_H
#define LISSOM_ZIPPED_ROWS_H

#include "lissom_finish_q8.h"

#define VECTOR (LISSOM_LANES * 4)
#define FOURS ((LISSOM_HEIGHT + 3) / 4)
#define LISSOM_BLOCK (4 * LISSOM_LANES) /* channels of four vectors */

/* Bytes of a block: biases, multipliers, and for each column of the kernel and each four of its rows the weights. */
#define BLOCK_PANEL (4 * VECTOR * (2 + LISSOM_WIDTH * FOURS * LISSOM_DOT_BYTES))

typedef struct {
    lissom_finish_q8 finish;
    lissom_vi zero;
} rows_context;

static inline rows_context rows_begin(const lissom_q8_output *y, const lissom_q8_residual *add)
{
    const rows_context context = {lissom_finish_q8_of(y, add), LISSOM_V_WHOLE(setzero)()};
    return context;
}

/* Rows 4 * g to 4 * g + 3 of the kernel in one column, as four vectors. */
static inline void zipped(const rows_context *context, const uint8_t *const *at, int32_t g, int32_t offset, lissom_vi *to)
{
    const int32_t rows = LISSOM_HEIGHT - 4 * g;
    const lissom_vi a = lissom_vi_load(at[4 * g] + offset);
    const lissom_vi b = rows > 1 ? lissom_vi_load(at[4 * g + 1] + offset) : context->zero;
    const lissom_vi ab_low = LISSOM_V(unpacklo_epi8)(a, b);
    const lissom_vi ab_high = LISSOM_V(unpackhi_epi8)(a, b);
    lissom_vi cd_low = context->zero;
    lissom_vi cd_high = context->zero;
    if (rows > 2) {
        const lissom_vi c = lissom_vi_load(at[4 * g + 2] + offset);
        const lissom_vi d = rows > 3 ? lissom_vi_load(at[4 * g + 3] + offset) : context->zero;
        cd_low = LISSOM_V(unpacklo_epi8)(c, d);
        cd_high = LISSOM_V(unpackhi_epi8)(c, d);
    }
    to[0] = LISSOM_V(unpacklo_epi16)(ab_low, cd_low);
    to[1] = LISSOM_V(unpackhi_epi16)(ab_low, cd_low);
    to[2] = LISSOM_V(unpacklo_epi16)(ab_high, cd_high);
    to[3] = LISSOM_V(unpackhi_epi16)(ab_high, cd_high);
}

/* A lane's four bytes as dot products take them: where these are of words, the even bytes, then the odd ones. */
static inline void dot_split(lissom_vi four, lissom_vi *x)
{
#if LISSOM_DOT_BYTES == 1
    x[0] = x[1] = four;
#else
    x[0] = lissom_vi_even_bytes(four);
    x[1] = lissom_vi_odd_bytes(four);
#endif
}

/* acc and the products of a lane's four bytes with four weights. In words: those of the even bytes, then of the odd. */
static inline lissom_vi dot(lissom_vi acc, const lissom_vi *x, const uint8_t *w)
{
#if LISSOM_DOT_BYTES == 1
    return lissom_vi_dot(acc, x[0], lissom_vi_load(w));
#else
    return lissom_vi_dot(lissom_vi_dot(acc, x[0], lissom_vi_load(w)), x[1], lissom_vi_load(w + VECTOR));
#endif
}

/* The same for what zipping gives. */
static inline lissom_vi dot_four(lissom_vi acc, lissom_vi four, const uint8_t *w)
{
    lissom_vi x[2];
    dot_split(four, x);
    return dot(acc, x, w);
}

/* The first n < LISSOM_BLOCK bytes. */
static inline void store_some(uint8_t *y, lissom_vi v, int32_t n)
{
#if LISSOM_LANES == 16
    _mm512_mask_storeu_epi8(y, (1ull << n) - 1, v);
#else
    uint8_t bytes[LISSOM_BLOCK];
    const uint8_t *from = bytes;
    lissom_vi_store(bytes, v);
    for (int32_t size = LISSOM_BLOCK / 2; size > 0; size /= 2) {
        if (n & size) {
            memcpy(y, from, (size_t)size);
            y += size;
            from += size;
        }
    }
#endif
}

/* Four vectors of rounded results as bytes in their order. */
static inline void store(const rows_context *context, const lissom_vi *v, uint8_t *y, int32_t n)
{
    const lissom_vi low = LISSOM_V(adds_epi16)(LISSOM_V(packs_epi32)(v[0], v[1]), context->finish.zero);
    const lissom_vi high = LISSOM_V(adds_epi16)(LISSOM_V(packs_epi32)(v[2], v[3]), context->finish.zero);
    const lissom_vi bytes = lissom_vi_xor(LISSOM_V(packus_epi16)(low, high), context->finish.flip);
    if (n == LISSOM_BLOCK) {
        lissom_vi_store(y, bytes);
    } else {
        store_some(y, bytes, n);
    }
}

/* What the sums of one column come to with a residual, which is brought into their order. */
LISSOM_NOINLINE static void finish_skip(const rows_context *context, const lissom_vi *sums, const uint8_t *multipliers,
                                        const uint8_t *skip, uint8_t *y, int32_t n)
{
    lissom_vi v[4];
    uint8_t others[LISSOM_BLOCK] = {0};
    for (int32_t c = 0; c < n; ++c) {
        others[c / 4 % 4 * LISSOM_LANES + c / 16 * 4 + c % 4] = skip[c];
    }
    for (int32_t i = 0; i < 4; ++i) {
        v[i] = lissom_finish_q8_round(&context->finish, sums[i], lissom_vf_load(multipliers + i * VECTOR),
                                      others + i * LISSOM_LANES, LISSOM_LANES);
    }
    store(context, v, y, n);
}

static inline void finish(const rows_context *context, const lissom_vi *sums, const uint8_t *multipliers, uint8_t *y,
                          int32_t n)
{
    lissom_vi v[4];
    LISSOM_UNROLL
    for (int32_t i = 0; i < 4; ++i) {
        v[i] = lissom_finish_q8_round(&context->finish, sums[i], lissom_vf_load(multipliers + i * VECTOR), NULL, 0);
    }
    store(context, v, y, n);
}

#endif
