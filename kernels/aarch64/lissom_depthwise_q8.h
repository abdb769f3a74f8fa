/* Depthwise convolution of bytes, channels last: every channel by itself, 16 at once, LISSOM_COLUMNS columns of an output row
 * in registers. Where a pixel has fewer channels, LISSOM_MERGED neighbours are taken as one pixel of 16, whose weights are
 * those of a pixel over and over; tiles then go on by so many columns.
 *
 * With dot products the bytes of up to four rows of a column are brought together, so that a lane holds one channel of
 * each; such a column serves every output column that it is under. Without, products of two taps are added to 16 bits, and
 * these to the sums; where a weight may be -128 (not LISSOM_NARROW) each product by itself.
 *
 * Taps are read at constant distances, so x is copied where it has a border, and where its last pixel is no whole vector.
 * LISSOM_HEIGHT, LISSOM_WIDTH, LISSOM_STRIDE (of a merged pixel too) and LISSOM_DILATION are the kernel and its steps along
 * a row; LISSOM_PIXEL and LISSOM_LINE the bytes from one column and one row under the kernel to the next.
 *
 * w holds for each 16 channels the biases (less what the zero point of x adds), the multipliers, and for each column of the
 * kernel its rows (backends/c/packing.py, "depthwise"). */
#include "lissom_conv.h"
#include "lissom_finish_q8.h"

typedef lissom_conv_q8_params tile_params;
#define TILE_ELEMENT 1
#define TILE_READ 1
#define TILE_CONV(q) (&(q)->conv)
#define TILE_PAD(q) ((q)->x.zero ^ 0x80)
#define BLOCK 16
#define SPAN ((LISSOM_COLUMNS - 1) * LISSOM_STRIDE + (LISSOM_WIDTH - 1) * LISSOM_DILATION + 1)

/* Of input column j in a tile, the tap that it is under at output column t; others are not under the kernel. */
#define TAP(j, t) (((j) - (t) * LISSOM_STRIDE) / LISSOM_DILATION)
#define MEETS(j, t) \
    ((j) >= (t) * LISSOM_STRIDE && ((j) - (t) * LISSOM_STRIDE) % LISSOM_DILATION == 0 && TAP(j, t) < LISSOM_WIDTH)

#include "lissom_border.h"

#if LISSOM_PRODUCTS > 1
#define FOURS ((LISSOM_HEIGHT + 3) / 4)
#define PANEL (BLOCK * (8 + 4 * FOURS * LISSOM_WIDTH))

/* In lane c, channel 4 * i + c of each of `rows` <= 4 rows of 16, and zeros. */
LISSOM_INLINE int8x16_t gather(const uint8_t *x, uint8x16_t lanes, const int32_t rows)
{
    const int8_t *const from = (const int8_t *)x;
    if (rows == 1) {
        return vqtbl1q_s8(vld1q_s8(from), lanes);
    }
    if (rows == 2) {
        const int8x16x2_t two = {{vld1q_s8(from), vld1q_s8(from + LISSOM_LINE)}};
        return vqtbl2q_s8(two, lanes);
    }
    if (rows == 3) {
        const int8x16x3_t three = {{vld1q_s8(from), vld1q_s8(from + LISSOM_LINE), vld1q_s8(from + 2 * LISSOM_LINE)}};
        return vqtbl3q_s8(three, lanes);
    }
    const int8x16x4_t four = {{vld1q_s8(from), vld1q_s8(from + LISSOM_LINE), vld1q_s8(from + 2 * LISSOM_LINE),
                               vld1q_s8(from + 3 * LISSOM_LINE)}};
    return vqtbl4q_s8(four, lanes);
}

LISSOM_INLINE void sums(lissom_vi (*acc)[4], const uint8_t *x, const uint8_t *panel)
{
    const uint8x16_t first = vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(0x3121110130201000u), vcreate_u64(0x3323130332221202u)));
    const uint8_t *w = panel + BLOCK * 8;
    LISSOM_UNROLL
    for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
        LISSOM_UNROLL
        for (int32_t i = 0; i < 4; ++i) {
            acc[t][i] = lissom_vi_load(panel + i * 16);
        }
        LISSOM_FORGET(panel);
    }
    LISSOM_UNROLL
    for (int32_t j = 0; j < SPAN; ++j) {
        LISSOM_UNROLL
        for (int32_t g = 0; g < FOURS; ++g) {
            int8x16_t column[4];
            LISSOM_UNROLL
            for (int32_t i = 0; i < 4; ++i) {
                const uint8x16_t lanes = vaddq_u8(first, vdupq_n_u8((uint8_t)(4 * i)));
                column[i] = gather(x + j * LISSOM_PIXEL + 4 * g * LISSOM_LINE, lanes, lissom_smaller(4, LISSOM_HEIGHT - 4 * g));
            }
            LISSOM_UNROLL
            for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
                if (MEETS(j, t)) {
                    LISSOM_UNROLL
                    for (int32_t i = 0; i < 4; ++i) {
                        const int32_t tap = (TAP(j, t) * FOURS + g) * 4 + i;
                        acc[t][i] = vdotq_s32(acc[t][i], column[i], vreinterpretq_s8_s32(lissom_vi_load(w + tap * 16)));
                    }
                }
            }
            LISSOM_FORGET(w); /* each is read where it is needed */
        }
    }
}

#else
#define PANEL (BLOCK * (8 + LISSOM_HEIGHT * LISSOM_WIDTH))
#define TAPS (LISSOM_HEIGHT * LISSOM_WIDTH)

/* Products of the lower and the upper half of two vectors, added to the lower and upper two of the sums. */
LISSOM_INLINE void add_words(lissom_vi *acc, int16x8_t low, int16x8_t high)
{
    acc[0] = vaddw_s16(acc[0], vget_low_s16(low));
    acc[1] = vaddw_high_s16(acc[1], low);
    acc[2] = vaddw_s16(acc[2], vget_low_s16(high));
    acc[3] = vaddw_high_s16(acc[3], high);
}

LISSOM_INLINE int8x16_t tap_of(const uint8_t *x, int32_t t, int32_t tap)
{
    const int32_t column = t * LISSOM_STRIDE + tap / LISSOM_HEIGHT * LISSOM_DILATION;
    return vld1q_s8((const int8_t *)x + column * LISSOM_PIXEL + tap % LISSOM_HEIGHT * LISSOM_LINE);
}

LISSOM_INLINE void sums(lissom_vi (*acc)[4], const uint8_t *x, const uint8_t *panel)
{
    const int8_t *const w = (const int8_t *)panel + BLOCK * 8;
    LISSOM_UNROLL
    for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
        LISSOM_UNROLL
        for (int32_t i = 0; i < 4; ++i) {
            acc[t][i] = lissom_vi_load(panel + i * 16);
        }
        LISSOM_UNROLL
        for (int32_t tap = 0; tap < TAPS; tap += 1 + LISSOM_NARROW) {
            const int8x16_t a = tap_of(x, t, tap);
            const int8x16_t b = vld1q_s8(w + tap * 16);
            int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
            int16x8_t high = vmull_high_s8(a, b);
            if (LISSOM_NARROW && tap + 1 < TAPS) {
                const int8x16_t c = tap_of(x, t, tap + 1);
                const int8x16_t d = vld1q_s8(w + (tap + 1) * 16);
                low = vmlal_s8(low, vget_low_s8(c), vget_low_s8(d));
                high = vmlal_high_s8(high, c, d);
            }
            add_words(acc[t], low, high);
        }
    }
}

#endif

/* The first n bytes to one pixel, or to LISSOM_MERGED of them. */
LISSOM_INLINE void store(uint8_t *y, int32_t y_pixel, int8x16_t bytes, int32_t n)
{
    uint8_t some[BLOCK];
    if (LISSOM_MERGED == 1 && n >= BLOCK) {
        vst1q_s8((int8_t *)y, bytes);
        return;
    }
    if (LISSOM_MERGED == 2) {
        vst1_s8((int8_t *)y, vget_low_s8(bytes));
        vst1_s8((int8_t *)y + y_pixel, vget_high_s8(bytes));
        return;
    }
    vst1q_s8((int8_t *)some, bytes);
    if (LISSOM_MERGED == 1) {
        memcpy(y, some, (size_t)n);
        return;
    }
    LISSOM_UNROLL
    for (int32_t i = 0; i < LISSOM_MERGED; ++i) {
        memcpy(y + i * y_pixel, some + i * (BLOCK / LISSOM_MERGED), BLOCK / LISSOM_MERGED);
    }
}

/* The same bytes of a second operand. */
LISSOM_INLINE void load_skip(lissom_vi *to, const uint8_t *skip, int32_t pixel, int32_t n)
{
    uint8_t some[BLOCK] = {0};
    LISSOM_UNROLL
    for (int32_t i = 0; i < LISSOM_MERGED; ++i) {
        memcpy(some + i * (BLOCK / LISSOM_MERGED), skip + i * pixel, LISSOM_MERGED == 1 ? (size_t)n : BLOCK / LISSOM_MERGED);
    }
    LISSOM_UNROLL
    for (int32_t i = 0; i < 4; ++i) {
        to[i] = lissom_vi_bytes(some + 4 * i, 4);
    }
}

LISSOM_INLINE void tile(const tile_params *q, const uint8_t *x, const uint8_t *panel, const uint8_t *skip, uint8_t *y, int32_t n)
{
    const lissom_conv_params *const p = &q->conv;
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->y, skip ? &q->skip : NULL);
    const int32_t merged = LISSOM_MERGED;
    lissom_vi acc[LISSOM_COLUMNS][4];
    sums(acc, x, panel);
    LISSOM_UNROLL
    for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
        lissom_vi values[4];
        lissom_vi others[4];
        if (skip) {
            load_skip(others, skip + t * merged * p->skip_pixel, p->skip_pixel, lissom_smaller(n, BLOCK));
        }
        LISSOM_UNROLL
        for (int32_t i = 0; i < 4; ++i) {
            const lissom_vf multiplier = lissom_vf_load(panel + BLOCK * 4 + i * 16);
            values[i] = skip ? lissom_finish_q8_added(&f, acc[t][i], multiplier, others[i])
                             : lissom_finish_q8_scaled(acc[t][i], multiplier);
        }
        store(y + t * merged * p->y_pixel, p->y_pixel, lissom_finish_q8_bytes(&f, values), n);
    }
}

void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    const lissom_conv_params *const p = &q->conv;
    const int32_t channels = p->groups;
    const int32_t positions = p->out[1] * p->out[2];
    int32_t size[3]; /* of x with its border */
    const int32_t has_border = border(p, size);
    (void)w_zero;
    (void)multiplier;
    (void)b;
    for (int32_t n = 0; n < p->batch; ++n) {
        const uint8_t *const image = x + n * p->in[1] * p->in[2] * channels;
        const uint8_t *const from = has_border || channels % BLOCK ? padded(q, image, scratch, size) : image;
        const uint8_t *panel = w;
        for (int32_t c = 0; c < channels; c += BLOCK, panel += PANEL) {
            for (int32_t row = 0; row < p->out[1]; ++row) {
                const uint8_t *const start = from + row * p->stride[1] * size[2] * channels + c;
                const int32_t first = n * positions + row * p->out[2];
                const int32_t last = p->out[2] - LISSOM_COLUMNS * LISSOM_MERGED;
                for (int32_t column = 0; column < p->out[2]; column += LISSOM_COLUMNS * LISSOM_MERGED) {
                    /* The last tile may overlap the one before: the same bytes once more. */
                    const int32_t at = lissom_smaller(column, last);
                    const uint8_t *const under = start + at * p->stride[2] * channels;
                    uint8_t *const to = y + (first + at) * p->y_pixel + c;
                    if (skip) {
                        tile(q, under, panel, skip + (first + at) * p->skip_pixel + c, to, channels - c);
                    } else {
                        tile(q, under, panel, NULL, to, channels - c);
                    }
                }
            }
        }
    }
}

LISSOM_LEVEL_END
