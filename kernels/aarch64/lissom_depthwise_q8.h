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
 * kernel its rows (backends/c/packing, "depthwise"). */
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

/* The bytes of up to four rows of a column, of 16 channels: in lane c of vector i channel 4 * i + c of each row, and zeros
 * for rows that are not there. In assembly, since compilers would read many columns ahead, and move registers about to
 * have tables in a row of them. */
#ifdef __OPTIMIZE__
#define FITS(offset) ((offset) < 256 || ((offset) % 16 == 0 && (offset) < 65536)) /* into the instruction */
#else
#define FITS(offset) 0 /* only optimizers see that it is a constant */
#endif
#define GATHER(LOADS, TABLE)                                                                                   \
    __asm__ volatile(LOADS "tbl %0.16b, {" TABLE "}, %4.16b\n\t"                                               \
                           "tbl %1.16b, {" TABLE "}, %5.16b\n\t"                                               \
                           "tbl %2.16b, {" TABLE "}, %6.16b\n\t"                                               \
                           "tbl %3.16b, {" TABLE "}, %7.16b"                                                   \
                     : "=&w"(column[0]), "=&w"(column[1]), "=&w"(column[2]), "=&w"(column[3])                  \
                     : "w"(lanes[0]), "w"(lanes[1]), "w"(lanes[2]), "w"(lanes[3]), "r"(x), "r"(x + LISSOM_LINE), \
                       "r"(x + 2 * LISSOM_LINE), "r"(x + 3 * LISSOM_LINE), "i"(FITS(offset) ? (offset) : 0)    \
                     : "v28", "v29", "v30", "v31", "memory")

LISSOM_INLINE void gather(lissom_vi *column, const uint8_t *x, const int32_t offset, const uint8x16_t *lanes, const int32_t rows)
{
    x += FITS(offset) ? 0 : offset;
    if (rows == 1) {
        GATHER("ldr q28, [%8, %12]\n\t", "v28.16b");
    } else if (rows == 2) {
        GATHER("ldr q28, [%8, %12]\n\tldr q29, [%9, %12]\n\t", "v28.16b-v29.16b");
    } else if (rows == 3) {
        GATHER("ldr q28, [%8, %12]\n\tldr q29, [%9, %12]\n\tldr q30, [%10, %12]\n\t", "v28.16b-v30.16b");
    } else {
        GATHER("ldr q28, [%8, %12]\n\tldr q29, [%9, %12]\n\tldr q30, [%10, %12]\n\tldr q31, [%11, %12]\n\t", "v28.16b-v31.16b");
    }
}

/* The products of such a column with the weights of one tap, added to the sums of another one. */
LISSOM_INLINE void add_products(lissom_vi *acc, const lissom_vi *column, const uint8_t *w, const int32_t tap)
{
    w += FITS(0) ? tap * 64 / 768 * 768 : tap * 64; /* what this instruction can hold is less than 1024 */
    __asm__ volatile("ldp q28, q29, [%8, %9]\n\t"
                     "ldp q30, q31, [%8, %10]\n\t"
                     "sdot %0.4s, %4.16b, v28.16b\n\t"
                     "sdot %1.4s, %5.16b, v29.16b\n\t"
                     "sdot %2.4s, %6.16b, v30.16b\n\t"
                     "sdot %3.4s, %7.16b, v31.16b"
                     : "+w"(acc[0]), "+w"(acc[1]), "+w"(acc[2]), "+w"(acc[3])
                     : "w"(column[0]), "w"(column[1]), "w"(column[2]), "w"(column[3]), "r"(w),
                       "i"(FITS(0) ? tap * 64 % 768 : 0), "i"(FITS(0) ? tap * 64 % 768 + 32 : 32)
                     : "v28", "v29", "v30", "v31", "memory");
}

LISSOM_INLINE void sums(lissom_vi (*acc)[4], const uint8_t *x, const uint8_t *panel)
{
    const uint8x16_t first = vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(0x3121110130201000u), vcreate_u64(0x3323130332221202u)));
    const uint8_t *const w = panel + BLOCK * 8;
    uint8x16_t lanes[4];
    LISSOM_UNROLL
    for (int32_t i = 0; i < 4; ++i) {
        lanes[i] = vaddq_u8(first, vdupq_n_u8((uint8_t)(4 * i)));
        __asm__("" : "+w"(lanes[i])); /* to be kept, not to be made again and again */
    }
    LISSOM_UNROLL
    for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
        lissom_vi_load_four(acc[t], panel);
        LISSOM_FORGET(panel);
    }
    LISSOM_UNROLL
    for (int32_t j = 0; j < SPAN; ++j) {
        LISSOM_UNROLL
        for (int32_t g = 0; g < FOURS; ++g) {
            lissom_vi column[4];
            gather(column, x + 4 * g * LISSOM_LINE, j * LISSOM_PIXEL, lanes, lissom_smaller(4, LISSOM_HEIGHT - 4 * g));
            LISSOM_UNROLL
            for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
                if (MEETS(j, t)) {
                    add_products(acc[t], column, w, TAP(j, t) * FOURS + g);
                }
            }
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

/* The first n bytes of each column to a pixel of y, or to LISSOM_MERGED of them. */
LISSOM_INLINE void store(uint8_t *y, int32_t y_pixel, const int8x16_t *columns, int32_t n)
{
    const int32_t pixels = LISSOM_COLUMNS * LISSOM_MERGED;
    const int32_t bytes = BLOCK / LISSOM_MERGED;
    uint8_t some[LISSOM_COLUMNS * BLOCK];
    LISSOM_UNROLL
    for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
        if (LISSOM_MERGED == 1 && n >= BLOCK) {
            vst1q_s8((int8_t *)y + t * y_pixel, columns[t]);
        } else if (LISSOM_MERGED == 2) {
            vst1_s8((int8_t *)y + 2 * t * y_pixel, vget_low_s8(columns[t]));
            vst1_s8((int8_t *)y + (2 * t + 1) * y_pixel, vget_high_s8(columns[t]));
        } else {
            vst1q_s8((int8_t *)some + t * BLOCK, columns[t]);
        }
    }
    if (LISSOM_MERGED > 2 || (LISSOM_MERGED == 1 && n < BLOCK)) {
        for (int32_t i = 0; i < pixels; ++i) {
            memcpy(y + i * y_pixel, some + i * bytes, (size_t)lissom_smaller(n, bytes));
        }
    }
}

/* The same bytes of a second operand. */
LISSOM_INLINE void load_skip(uint8_t *to, const uint8_t *skip, int32_t pixel, int32_t n)
{
    const int32_t pixels = LISSOM_COLUMNS * LISSOM_MERGED;
    const int32_t bytes = BLOCK / LISSOM_MERGED;
    for (int32_t i = 0; i < pixels; ++i) {
        memcpy(to + i * bytes, skip + i * pixel, (size_t)lissom_smaller(n, bytes));
    }
}

LISSOM_INLINE void tile(const tile_params *q, const uint8_t *x, const uint8_t *panel, const uint8_t *skip, uint8_t *y, int32_t n)
{
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->y, skip ? &q->skip : NULL);
    lissom_vi acc[LISSOM_COLUMNS][4];
    lissom_vi multipliers[4];
    int8x16_t columns[LISSOM_COLUMNS];
    uint8_t others[LISSOM_COLUMNS * BLOCK] = {0};
    if (skip) {
        load_skip(others, skip, q->conv.skip_pixel, n);
    }
    sums(acc, x, panel);
    lissom_vi_load_four(multipliers, panel + BLOCK * 4);
    LISSOM_UNROLL
    for (int32_t t = 0; t < LISSOM_COLUMNS; ++t) {
        lissom_vi values[4];
        LISSOM_UNROLL
        for (int32_t i = 0; i < 4; ++i) {
            values[i] = lissom_finish_q8_round(&f, acc[t][i], vreinterpretq_f32_s32(multipliers[i]),
                                               skip ? others + t * BLOCK + 4 * i : NULL, 4);
        }
        columns[t] = lissom_finish_q8_bytes(&f, values);
    }
    store(y, q->conv.y_pixel, columns, n);
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
