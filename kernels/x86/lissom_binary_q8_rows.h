/* Arithmetic of bytes that lie together: y = a + b, with LISSOM_MINUS a - b, with LISSOM_TIMES a * b. One operand may
 * repeat, as what weighs the channels of an image does: it is then read from copies of it, one behind the other, so that
 * channels need not fill vectors. */
#include "lissom_finish_q8.h"
#include "lissom_quantize.h"

#define BLOCK (4 * LISSOM_LANES)

/* What repeats after more elements than this is not copied. */
#define MOST 1024

/* The values of a vector of bytes, less their zero point. */
LISSOM_INLINE lissom_vf centred(const uint8_t *x, const lissom_q8_input *from)
{
    const lissom_vi byte = lissom_vi_xor(lissom_vi_bytes(x, LISSOM_LANES), lissom_vi_set(from->flip));
    return lissom_vf_of(lissom_vi_sub(byte, lissom_vi_set(from->zero)));
}

/* Products of two bytes are exact in floats. */
LISSOM_INLINE lissom_vf combined(const lissom_binary_q8_params *p, lissom_vf u, lissom_vf v)
{
#if LISSOM_TIMES
    return lissom_vf_mul(lissom_vf_mul(u, v), lissom_vf_set(p->multiplier));
#else
    const lissom_vf scaled = lissom_vf_mul(u, lissom_vf_set(p->a_ratio));
    const lissom_vf other = lissom_vf_mul(v, lissom_vf_set(p->b_ratio));
    return LISSOM_MINUS ? lissom_vf_sub(scaled, other) : lissom_vf_add(scaled, other);
#endif
}

LISSOM_INLINE void block(const lissom_binary_q8_params *p, const lissom_finish_q8 *f, const uint8_t *a, const uint8_t *b,
                         uint8_t *y)
{
    lissom_vi values[4];
    LISSOM_UNROLL
    for (int32_t i = 0; i < 4; ++i) {
        const lissom_vf u = centred(a + i * LISSOM_LANES, &p->a);
        const lissom_vf v = centred(b + i * LISSOM_LANES, &p->b);
        values[i] = lissom_vi_round(lissom_vf_min(combined(p, u, v), f->high));
    }
    lissom_finish_q8_pack(f, values, y);
}

/* n results. Of an operand whose period is not 0, the element at the start of a block is found modulo the period, and as
 * many as a block has lie behind it. */
static void span(const lissom_binary_q8_params *p, const lissom_finish_q8 *f, const uint8_t *a, int32_t a_period,
                 const uint8_t *b, int32_t b_period, int32_t n, uint8_t *y)
{
    int32_t ia = 0;
    int32_t ib = 0;
    int32_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        block(p, f, a + ia, b + ib, y + i);
        ia = a_period ? (ia + BLOCK) % a_period : ia + BLOCK;
        ib = b_period ? (ib + BLOCK) % b_period : ib + BLOCK;
    }
    if (i < n) {
        uint8_t rest[3][BLOCK] = {{0}, {0}, {0}};
        memcpy(rest[0], a + ia, (size_t)(n - i));
        memcpy(rest[1], b + ib, (size_t)(n - i));
        block(p, f, rest[0], rest[1], rest[2]);
        memcpy(y + i, rest[2], (size_t)(n - i));
    }
}

/* The first `period` elements of x, again and again. */
static const uint8_t *repeated(const uint8_t *x, int32_t period, uint8_t *to)
{
    for (int32_t i = 0; i < period + BLOCK; ++i) {
        to[i] = i < period ? x[i] : to[i - period];
    }
    return to;
}

void LISSOM_KERNEL(const lissom_binary_q8_params *q, const uint8_t *a, const uint8_t *b, uint8_t *y)
{
    const lissom_binary_q8_params copy = *q; /* which y cannot be */
    const lissom_binary_q8_params *const p = &copy;
    const lissom_finish_q8 f = lissom_finish_q8_of(&p->y, NULL);
    const int32_t last = p->rank - 1;
    const int32_t channels = p->size[last];
    const int32_t sa = p->a_stride[last];
    const int32_t sb = p->b_stride[last];
    int32_t index[LISSOM_MAX_RANK] = {0};
    uint8_t copies[MOST + BLOCK];
    /* Rows, and of what repeats in each of several rows that lie together, these as one. */
    int32_t outer = last;
    int32_t n = channels;
    int32_t a_period = sa == 0 ? 1 : 0;
    int32_t b_period = sb == 0 ? 1 : 0;
    int32_t rows = 1;
    int32_t ia = 0;
    int32_t ib = 0;
    if (last > 0 && sa == 1 && sb == 1 && channels <= MOST) {
        const int32_t next_a = p->a_stride[last - 1];
        const int32_t next_b = p->b_stride[last - 1];
        if ((next_a == channels && next_b == 0) || (next_b == channels && next_a == 0)) {
            a_period = next_a == 0 ? channels : 0;
            b_period = next_b == 0 ? channels : 0;
            n *= p->size[last - 1];
            outer = last - 1;
        }
    }
    for (int32_t axis = 0; axis < outer; ++axis) {
        rows *= p->size[axis];
    }
    for (int32_t row = 0; row < rows; ++row, y += n) {
        const uint8_t *const ra = a_period ? repeated(a + ia, a_period, copies) : a + ia;
        const uint8_t *const rb = b_period ? repeated(b + ib, b_period, copies) : b + ib;
        span(p, &f, ra, a_period, rb, b_period, n, y);
        lissom_step(outer, p->size, index, p->a_stride, &ia, p->b_stride, &ib);
    }
}

LISSOM_LEVEL_END
