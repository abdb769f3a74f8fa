/* Columns of a convolution of bytes in scratch memory: what the kernel sees at each output, one behind the other, and bytes cut so
 * that products with weights do not leave 16 bits. What was cut off is kept in a list.
 *
 * Bytes are unsigned (LISSOM_OFFSET 0), of which four are added up: the first two of a lane and of the next one, or the last
 * two of both; these come to at most 256, since no weight is beyond 128. With LISSOM_OFFSET 1 they are 128 less, so signed, and
 * two are added up, times unsigned bytes: those of one sign come to at most 128.
 *
 * A column is taps times channels, zeros behind them, in whole vectors. */
#ifndef LISSOM_COLUMNS_H
#define LISSOM_COLUMNS_H

#include "lissom_patch.h"

#define VECTOR (LISSOM_LANES * 4)
#define NOTHINGS (LISSOM_OFFSET ? (int32_t)0x80808080 : 0) /* bytes that are nothing */

/* What was cut off four bytes. */
typedef struct {
    int32_t group; /* which four of the column */
    uint8_t bytes[4];
} rest;

typedef struct {
    uint8_t *bytes; /* of all columns, `step` apart */
    rest *rests;
    int32_t *ends; /* for each column, where its rests end */
    int32_t *sums; /* of each column's bytes, 128 times */
    int32_t step;
} columns;

/* All ones in each word that is zero. */
static inline lissom_vi no_word(lissom_vi v)
{
    return LISSOM_V(srai_epi16)(LISSOM_V(sub_epi16)(v, lissom_vi_set_16(1)), 15);
}

/* By how much each word is too large. */
static inline lissom_vi excess(lissom_vi x)
{
    const lissom_vi ones = lissom_vi_set(0x01010101);
#if LISSOM_OFFSET
    const lissom_vi middle = lissom_vi_set((int32_t)0x80808080);
    const lissom_vi above = LISSOM_V(maddubs_epi16)(LISSOM_V(subs_epu8)(x, middle), ones);
    const lissom_vi below = LISSOM_V(maddubs_epi16)(LISSOM_V(subs_epu8)(middle, x), ones);
    return LISSOM_V(subs_epu16)(LISSOM_V(max_epi16)(above, below), lissom_vi_set_16(128));
#else
    const lissom_vi two = LISSOM_V(maddubs_epi16)(x, ones);
    const lissom_vi next = LISSOM_V_WHOLE(or)(LISSOM_V(srli_epi64)(two, 32), LISSOM_V(slli_epi64)(two, 32));
    return LISSOM_V(subs_epu16)(LISSOM_V(add_epi16)(two, next), lissom_vi_set_16(256));
#endif
}

static inline rest *keep(rest *rests, lissom_vi bytes, int32_t group)
{
    uint8_t fours[VECTOR];
    lissom_vi_store(fours, bytes);
    for (uint32_t some = lissom_vi_nonzero(bytes); some != 0; some &= some - 1, ++rests) {
        const int32_t lane = __builtin_ctz(some);
        rests->group = group + lane;
        memcpy(rests->bytes, fours + 4 * lane, 4);
    }
    return rests;
}

/* A vector of bytes, cut where `over` says; what was cut off goes to rests. */
LISSOM_NOINLINE static rest *cut(uint8_t *to, lissom_vi x, int32_t group, rest *rests)
{
    const lissom_vi whole = no_word(excess(x)); /* words that stay as they are */
    const lissom_vi most = lissom_vi_set(LISSOM_OFFSET ? (int32_t)0xC0C0C0C0 : 0x40404040);
    lissom_vi some = LISSOM_V(min_epu8)(x, LISSOM_V_WHOLE(or)(most, whole));
#if LISSOM_OFFSET
    some = LISSOM_V(max_epu8)(some, LISSOM_V_WHOLE(andnot)(whole, lissom_vi_set(0x40404040)));
    lissom_vi_store(to, lissom_vi_xor(some, lissom_vi_set((int32_t)0x80808080)));
    return keep(rests, LISSOM_V(sub_epi8)(x, some), group);
#else
    const lissom_vi left = LISSOM_V(sub_epi8)(x, some);
    const lissom_vi half = LISSOM_V(min_epu8)(left, lissom_vi_set((int32_t)0x80808080)); /* two do not leave 16 bits */
    lissom_vi_store(to, some);
    return keep(keep(rests, half, group), LISSOM_V(sub_epi8)(left, half), group);
#endif
}

/* A column of which each vector is looked at, and of the last one takes what is `there`. Returns where its rests end. */
static inline rest *lay(const columns *c, int32_t i, const uint8_t *from, lissom_vi there, rest *rests)
{
    uint8_t *const to = c->bytes + i * c->step;
    lissom_vi sum = lissom_vi_set(0);
    for (int32_t at = 0; at < c->step; at += VECTOR) {
        lissom_vi v = lissom_vi_load(from + at);
        if (at + VECTOR == c->step) {
            v = LISSOM_V_WHOLE(or)(LISSOM_V_WHOLE(and)(v, there), LISSOM_V_WHOLE(andnot)(there, lissom_vi_set(NOTHINGS)));
        }
        if (LISSOM_OFFSET) {
            sum = lissom_vi_add(sum, LISSOM_V(sad_epu8)(v, lissom_vi_set(0)));
        }
        lissom_vi_store(to + at, LISSOM_OFFSET ? lissom_vi_xor(v, lissom_vi_set(NOTHINGS)) : v);
        if (lissom_vi_nonzero(excess(v)) != 0) {
            rests = cut(to + at, v, at / 4, rests);
        }
    }
    c->ends[i] = (int32_t)(rests - c->rests);
    if (LISSOM_OFFSET) {
        c->sums[i] = (lissom_vi_sum(sum) - 128 * c->step) * 128;
    }
    return rests;
}

/* Fill columns with n of those of x, from `first` on. Those that are pixels of x are read where they are: what
 * belongs to the next pixel is dropped, and the last ones are copied first. */
LISSOM_NOINLINE static void fill(const lissom_conv_params *p, const uint8_t *x, int32_t zero, int32_t first, int32_t n,
                                 int32_t are_pixels, const columns *c)
{
    const int32_t length = p->in_channels * p->kernel[0] * p->kernel[1] * p->kernel[2];
    const int32_t pixels = p->batch * p->in[0] * p->in[1] * p->in[2];
    const int32_t last = are_pixels ? (pixels - 1) * p->x_pixel + length - c->step : -1;
    uint8_t some[VECTOR] = {0};
    memset(some, 0xFF, (size_t)(length + VECTOR - c->step));
    const lissom_vi there = lissom_vi_load(some);
    rest *rests = c->rests;
    int32_t i = 0;
    for (; i < n && (first + i) * p->x_pixel <= last; ++i) {
        rests = lay(c, i, x + (first + i) * p->x_pixel, there, rests);
    }
    for (; i < n; ++i) {
        uint8_t *const to = c->bytes + i * c->step;
        (void)patch(p, x, zero, first + i, to);
        rests = lay(c, i, to, there, rests);
    }
}

#endif
