/* Convolution of bytes, 3x3 with stride 1, by Winograd's F(4x4, 3x3) in whole numbers: the same bytes
 * (docs/decisions/0009-winograd.md).
 *
 * G has its rows times 6, -4, -4, 1, 1 and 12, and A its last row times 2, so all is whole and the sums come to 576 times the
 * result. Patches of bytes become words of at most 17340, weights words of at most 144 * 128; sums wrap around at 2^32.
 * 576 is 64 * 9, and 9 has an inverse there: that leaves 64 times the result, whose upper 26 bits are right.
 *
 * A panel begins with the biases (less what the zero point of x adds) and the multipliers of its channels. */
#include "lissom_conv.h"
#include "lissom_finish_q8.h"

typedef lissom_conv_q8_params tile_params;
typedef lissom_vi tile_sum;
typedef lissom_finish_q8 tile_context;
#define TILE_ELEMENT 1
#define TILE_READ 2
#define TILE_HEAD 8
#define TILE_CONV(q) (&(q)->conv)
#define TILE_PAD(q) ((q)->x.zero)

static inline tile_sum tile_start(const uint8_t *panel, int32_t v)
{
    (void)panel;
    (void)v;
    return lissom_vi_set(0);
}
static inline tile_sum tile_load(const uint8_t *w) { return lissom_vi_load(w); }
static inline tile_sum tile_group(const uint8_t *x) { return lissom_vi_four(x); }
static inline tile_sum tile_few(const uint8_t *x, int32_t n) { return lissom_vi_few(x, n); }
static inline tile_sum tile_x(const uint8_t *x) { return lissom_vi_words_unsigned(x); }
static inline tile_sum tile_w(const uint8_t *w) { return lissom_vi_words_signed(w); }
static inline tile_sum tile_add(tile_sum a, tile_sum b) { return lissom_vi_add(a, b); }
static inline void tile_store(uint8_t *to, tile_sum v) { lissom_vi_store(to, v); }
static inline tile_sum tile_dot(tile_sum acc, tile_sum x, tile_sum w) { return lissom_vi_dot_words(acc, x, w); }

#define ADD LISSOM_V(add_epi16)
#define SUB LISSOM_V(sub_epi16)
#define SHIFT LISSOM_V(slli_epi16)

/* Six rows of patches into the rows of the transformed: B. */
static inline void transform_x(lissom_vi *to, const lissom_vi *d)
{
    const lissom_vi even = SUB(d[4], SHIFT(d[2], 2));
    const lissom_vi odd = SUB(d[3], SHIFT(d[1], 2));
    const lissom_vi apart = SUB(d[4], d[2]);
    const lissom_vi twice = SHIFT(SUB(d[3], d[1]), 1);
    to[0] = ADD(SHIFT(SUB(d[0], d[2]), 2), apart);
    to[1] = ADD(even, odd);
    to[2] = SUB(even, odd);
    to[3] = ADD(apart, twice);
    to[4] = SUB(apart, twice);
    to[5] = SUB(SUB(d[5], d[3]), SHIFT(twice, 1));
}

/* Three rows of a kernel: G, with its rows times 6, -4, -4, 1, 1 and 12; the signs of the second and third come later. */
static inline void transform_w(lissom_vi *to, const lissom_vi *g)
{
    const lissom_vi both = ADD(g[0], g[2]);
    const lissom_vi outer = ADD(g[0], SHIFT(g[2], 2));
    const lissom_vi twice = SHIFT(g[1], 1);
    const lissom_vi last = SHIFT(g[2], 2);
    to[0] = ADD(SHIFT(g[0], 2), SHIFT(g[0], 1));
    to[1] = SHIFT(ADD(both, g[1]), 2);
    to[2] = SHIFT(SUB(both, g[1]), 2);
    to[3] = ADD(outer, twice);
    to[4] = SUB(outer, twice);
    to[5] = ADD(SHIFT(last, 1), last);
}

/* Six rows of sums into four rows of results: A, with its last row times 2. */
static inline void transform_y(lissom_vi *to, const lissom_vi *m)
{
    const lissom_vi p = lissom_vi_add(m[1], m[2]);
    const lissom_vi q = lissom_vi_sub(m[2], m[1]);
    const lissom_vi r = lissom_vi_add(m[3], m[4]);
    const lissom_vi s = LISSOM_V(slli_epi32)(lissom_vi_sub(m[3], m[4]), 1);
    const lissom_vi last = lissom_vi_add(LISSOM_V(slli_epi32)(s, 1), m[5]);
    to[0] = lissom_vi_add(lissom_vi_sub(m[0], p), r);
    to[1] = lissom_vi_add(q, s);
    to[2] = lissom_vi_sub(LISSOM_V(slli_epi32)(r, 2), p);
    to[3] = lissom_vi_add(q, lissom_vi_add(last, last));
}

typedef struct {
    lissom_vi bias;
    lissom_vf multiplier;
} tile_head;

static inline tile_head tile_of(const uint8_t *head)
{
    const tile_head found = {lissom_vi_load(head), lissom_vf_load(head + LISSOM_VECTORS * LISSOM_LANES * 4)};
    return found;
}

/* Four results of a row, of which there are `columns` in the image, for n channels. */
static inline void tile_finish(const tile_context *context, const tile_sum *row, const tile_head *head, const uint8_t *skip,
                               int32_t skip_pixel, uint8_t *y, int32_t y_pixel, int32_t columns, int32_t n)
{
    lissom_vi values[4];
    uint8_t bytes[4 * LISSOM_LANES];
    LISSOM_UNROLL
    for (int32_t j = 0; j < 4; ++j) {
        const lissom_vi ninth = lissom_vi_mul(row[j], lissom_vi_set(0x38E38E39)); /* 9 times that is 1 */
        const lissom_vi sum = lissom_vi_add(LISSOM_V(srai_epi32)(ninth, 6), head->bias);
        const uint8_t *const other = skip ? skip + lissom_smaller(j, columns - 1) * skip_pixel : NULL;
        values[j] = lissom_finish_q8_round(context, sum, head->multiplier, other, n);
    }
    lissom_finish_q8_pack(context, values, bytes);
    for (int32_t j = 0; j < columns; ++j) {
        if (n == LISSOM_LANES) {
            memcpy(y + j * y_pixel, bytes + j * LISSOM_LANES, LISSOM_LANES);
        } else {
            memcpy(y + j * y_pixel, bytes + j * LISSOM_LANES, (size_t)n);
        }
    }
}

#include "lissom_winograd.h"

void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    const tile_context context = lissom_finish_q8_of(&q->y, skip ? &q->skip : NULL);
    (void)w_zero;
    (void)multiplier;
    (void)b;
    convolve(q, &context, x, w, skip, y, scratch);
}

LISSOM_LEVEL_END
