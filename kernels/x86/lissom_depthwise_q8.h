/* Depthwise convolution of bytes: uint8 activations, int8 weights. The bytes of up to four rows of a column are zipped, so
 * that a lane holds one channel of each and a dot product takes four taps; a zipped column serves every output column that
 * it is under. Zipping leaves channels in an order that packing the results undoes, so only weights are stored in it.
 *
 * w holds for each block of 4 * LISSOM_LANES channels, vector by vector, the biases (less what the zero point of x adds),
 * the multipliers, and for each column of the kernel and each four of its rows the weights, LISSOM_DOT_BYTES a weight
 * (backends/c/packing.py, "depthwise"). */
#include "lissom_conv.h"
#include "lissom_finish_q8.h"

typedef struct {
    lissom_finish_q8 finish;
    lissom_vi zero;
} walk_context;

typedef lissom_conv_q8_params walk_params;
#define VECTOR (LISSOM_LANES * 4)
#define FOURS ((LISSOM_HEIGHT + 3) / 4)
#define WALK_ELEMENT 1
#define LISSOM_BLOCK (4 * LISSOM_LANES)
#define WALK_CONV(q) (&(q)->conv)
#define WALK_PAD(q) ((q)->x.zero)
#define WALK_PANEL (4 * VECTOR * (2 + LISSOM_WIDTH * FOURS * LISSOM_DOT_BYTES))

#include "lissom_depthwise.h"

static inline walk_context walk_begin(const walk_params *q, int32_t adds)
{
    const walk_context context = {lissom_finish_q8_of(&q->y, adds ? &q->skip : NULL), LISSOM_V_WHOLE(setzero)()};
    return context;
}

/* Rows 4 * g to 4 * g + 3 of the kernel in one column, as four vectors. */
static inline void zipped(const walk_context *context, const uint8_t *const *at, int32_t g, int32_t offset, lissom_vi *to)
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

/* acc and the products of a lane's four bytes with four weights. In words: those of the even bytes, then of the odd. */
static inline lissom_vi dot(lissom_vi acc, const lissom_vi *x, const uint8_t *w)
{
#if LISSOM_DOT_BYTES == 1
    return lissom_vi_dot(acc, x[0], lissom_vi_load(w));
#else
    return lissom_vi_dot(lissom_vi_dot(acc, x[0], lissom_vi_load(w)), x[1], lissom_vi_load(w + VECTOR));
#endif
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
static inline void store(const walk_context *context, const lissom_vi *v, uint8_t *y, int32_t n)
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
LISSOM_NOINLINE static void finish_skip(const walk_context *context, const lissom_vi *sums, const uint8_t *multipliers,
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

static inline void finish(const walk_context *context, const lissom_vi *sums, const uint8_t *multipliers, uint8_t *y,
                          int32_t n)
{
    lissom_vi v[4];
    LISSOM_UNROLL
    for (int32_t i = 0; i < 4; ++i) {
        v[i] = lissom_finish_q8_round(&context->finish, sums[i], lissom_vf_load(multipliers + i * VECTOR), NULL, 0);
    }
    store(context, v, y, n);
}

static inline void walk_tile(const walk_context *context, const uint8_t *const *at, int32_t offset, const uint8_t *panel,
                             const uint8_t *skip, int32_t skip_step, uint8_t *y, int32_t y_step, int32_t n)
{
    lissom_vi acc[LISSOM_COLUMNS][4];
    const uint8_t *w = panel + 8 * VECTOR;
    LISSOM_UNROLL
    for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
        LISSOM_UNROLL
        for (int32_t i = 0; i < 4; ++i) {
            acc[t][i] = lissom_vi_load(panel + i * VECTOR);
        }
    }
    WALK_UNROLL
    for (int32_t j = 0; j < WALK_SPAN; j += WALK_STEP) {
        LISSOM_FORGET(w); /* each is read where it is needed */
        WALK_UNROLL
        for (int32_t g = 0; g < FOURS; ++g) {
            lissom_vi four[4];
            zipped(context, at + j * LISSOM_HEIGHT, g, offset, four);
            LISSOM_UNROLL
            for (int32_t i = 0; i < 4; ++i) {
#if LISSOM_DOT_BYTES == 1
                const lissom_vi x[1] = {four[i]};
#else
                const lissom_vi x[2] = {LISSOM_V_WHOLE(and)(four[i], lissom_vi_set(0x00FF00FF)), LISSOM_V(srli_epi16)(four[i], 8)};
#endif
                LISSOM_UNROLL
                for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
                    if (WALK_MEETS(j, t)) {
                        const int32_t tap = (WALK_TAP(j, t) * FOURS + g) * 4 + i;
                        acc[t][i] = dot(acc[t][i], x, w + tap * VECTOR * LISSOM_DOT_BYTES);
                    }
                }
            }
        }
    }
    LISSOM_UNROLL
    for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
        if (skip) {
            lissom_vi sums[4]; /* a copy, so that the sums themselves have no address */
            memcpy(sums, acc[t], sizeof sums);
            finish_skip(context, sums, panel + 4 * VECTOR, skip + t * skip_step, y + t * y_step, n);
        } else {
            finish(context, acc[t], panel + 4 * VECTOR, y + t * y_step, n);
        }
    }
}

void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    (void)w_zero;
    (void)multiplier;
    (void)b;
    walk(q, x, w, skip, y, scratch);
}

LISSOM_LEVEL_END
