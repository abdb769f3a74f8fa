/* Convolution of bytes, 3x3 with stride 1, by Winograd's F(4x4, 3x3) in whole numbers: 36 products for 16 results instead of
 * 144, and the same bytes (docs/decisions/0009-winograd.md; Lavin and Gray, 2015, for the matrices).
 *
 * G has its rows times 6, -4, -4, 1, 1 and 12, and A its last row times 2, so all is whole and the sums come to 576 times the
 * result. Patches of bytes become words of at most 17340, weights words of at most 144 * 128; sums wrap around at 2^32.
 * 576 is 64 * 9, and 9 has an inverse there: that leaves 64 times the result, whose upper 26 bits are right.
 *
 * Patches of some tiles are transformed, into scratch memory that stays in the second cache; for each panel of output
 * channels then its weights, which are bytes in memory, so that little has to be read; for each of the 36 points there
 * is a matrix product over channels by the register tiles of lissom_vector_sums.h; last, results.
 *
 * w holds for each panel of LISSOM_VECTORS vectors of output channels the biases (less what the zero point of x adds), the
 * multipliers, and for each two input channels and vector nine vectors of half the length: of each tap the weights of
 * both channels, lane by lane (backends/c/packing, "winograd").
 *
 * LISSOM_BLOCK is how many tiles are transformed at once, LISSOM_DEPTH how many input channels a point of one has room for. */
#include "lissom_conv.h"
#include "lissom_finish_q8.h"

typedef lissom_vi tile_sum;
static inline tile_sum tile_start(const uint8_t *panel, int32_t v)
{
    (void)panel;
    (void)v;
    return lissom_vi_set(0);
}
static inline tile_sum tile_load(const uint8_t *w) { return lissom_vi_load(w); }
static inline tile_sum tile_group(const uint8_t *x) { return lissom_vi_four(x); }
static inline tile_sum tile_few(const uint8_t *x, int32_t n) { return lissom_vi_few(x, n); }
static inline tile_sum tile_dot(tile_sum acc, tile_sum x, tile_sum w) { return lissom_vi_dot_words(acc, x, w); }

#include "lissom_vector_sums.h"

#define POINTS 36
#define CHANNELS (LISSOM_VECTORS * LISSOM_LANES)
#define VECTOR (LISSOM_LANES * 4)
#define WORDS (LISSOM_LANES * 2) /* in a vector */
#define ADD LISSOM_V(add_epi16)
#define SUB LISSOM_V(sub_epi16)
#define SHIFT LISSOM_V(slli_epi16)

/* Bytes from one point to the next: not a power of two, whose multiples would share lines of a cache. */
#define X_POINT (LISSOM_BLOCK * LISSOM_DEPTH * 2 + 64)
#define SUMS_POINT (LISSOM_BLOCK * CHANNELS * 4 + 64)

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

/* The patches of one tile, whose pixels are `pixel` bytes apart and rows `row`, into those of all points. */
static inline void patches(const uint8_t *x, int32_t row, int32_t pixel, int32_t channels, uint8_t *to)
{
    for (int32_t c = 0; c < channels; c += WORDS) {
        lissom_vi half[6][6];
        for (int32_t j = 0; j < 6; ++j) {
            lissom_vi d[6];
            lissom_vi column[6];
            LISSOM_UNROLL
            for (int32_t i = 0; i < 6; ++i) {
                d[i] = lissom_vi_words_unsigned(x + i * row + j * pixel + c);
            }
            transform_x(column, d);
            LISSOM_UNROLL
            for (int32_t i = 0; i < 6; ++i) {
                half[i][j] = column[i];
            }
        }
        for (int32_t i = 0; i < 6; ++i) {
            lissom_vi d[6];
            transform_x(d, half[i]);
            LISSOM_UNROLL
            for (int32_t j = 0; j < 6; ++j) {
                lissom_vi_store(to + (i * 6 + j) * X_POINT + c * 2, d[j]);
            }
        }
    }
}

/* The weights of a panel; points are `step` bytes apart. */
LISSOM_NOINLINE static void weights(const uint8_t *w, int32_t pairs, int32_t step, uint8_t *to)
{
    for (int32_t n = 0; n < pairs * LISSOM_VECTORS; ++n, w += 9 * WORDS, to += VECTOR) {
        lissom_vi half[6][3];
        for (int32_t j = 0; j < 3; ++j) {
            lissom_vi g[3];
            lissom_vi column[6];
            LISSOM_UNROLL
            for (int32_t i = 0; i < 3; ++i) {
                g[i] = lissom_vi_words_signed(w + (i * 3 + j) * WORDS);
            }
            transform_w(column, g);
            LISSOM_UNROLL
            for (int32_t i = 0; i < 6; ++i) {
                half[i][j] = column[i];
            }
        }
        for (int32_t i = 0; i < 6; ++i) {
            lissom_vi g[6];
            transform_w(g, half[i]);
            LISSOM_UNROLL
            for (int32_t j = 0; j < 6; ++j) {
                lissom_vi_store(to + (i * 6 + j) * step, g[j]);
            }
        }
    }
}

/* The sums of one point, for tiles in whole rows of a register tile. */
static inline void products(const uint8_t *x, const uint8_t *w, int32_t pairs, int32_t tiles, uint8_t *to)
{
    for (int32_t t = 0; t < tiles; t += LISSOM_ROWS) {
        tile_sum acc[LISSOM_ROWS][LISSOM_VECTORS];
        sums_start(acc, NULL);
        for (int32_t k = 0; k < pairs; ++k) {
            multiply(acc, x + t * LISSOM_DEPTH * 2 + k * 4, LISSOM_DEPTH * 2, w + k * CHANNELS * 4, 0);
        }
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            LISSOM_UNROLL
            for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
                lissom_vi_store(to + ((t + m) * LISSOM_VECTORS + v) * VECTOR, acc[m][v]);
            }
        }
    }
}

typedef struct {
    lissom_finish_q8 finish;
    int32_t y_pixel;
    int32_t skip_pixel;
    int32_t width; /* pixels of a row */
} results_context;

/* The results of one tile for one vector of output channels, n of them, `rows` by `columns` of them inside the image. */
LISSOM_NOINLINE static void results(const results_context *context, const uint8_t *sums, const uint8_t *bias,
                                    const uint8_t *skip, uint8_t *y, int32_t rows, int32_t columns, int32_t n)
{
    lissom_vi half[4][6];
    for (int32_t j = 0; j < 6; ++j) {
        lissom_vi m[6];
        lissom_vi column[4];
        LISSOM_UNROLL
        for (int32_t i = 0; i < 6; ++i) {
            m[i] = lissom_vi_load(sums + (i * 6 + j) * SUMS_POINT);
        }
        transform_y(column, m);
        LISSOM_UNROLL
        for (int32_t i = 0; i < 4; ++i) {
            half[i][j] = column[i];
        }
    }
    const lissom_vi first = lissom_vi_load(bias);
    const lissom_vf multiplier = lissom_vf_load(bias + CHANNELS * 4);
    for (int32_t i = 0; i < rows; ++i) {
        lissom_vi row[4];
        lissom_vi values[4];
        uint8_t bytes[4 * LISSOM_LANES];
        transform_y(row, half[i]);
        LISSOM_UNROLL
        for (int32_t j = 0; j < 4; ++j) {
            const lissom_vi ninth = lissom_vi_mul(row[j], lissom_vi_set(0x38E38E39)); /* 9 times that is 1 */
            const lissom_vi sum = lissom_vi_add(LISSOM_V(srai_epi32)(ninth, 6), first);
            const int32_t inside = lissom_smaller(j, columns - 1);
            const uint8_t *const other = skip ? skip + (i * context->width + inside) * context->skip_pixel : NULL;
            values[j] = lissom_finish_q8_round(&context->finish, sum, multiplier, other, n);
        }
        lissom_finish_q8_pack(&context->finish, values, bytes);
        uint8_t *const to = y + i * context->width * context->y_pixel;
        for (int32_t j = 0; j < columns; ++j) {
            if (n == LISSOM_LANES) {
                memcpy(to + j * context->y_pixel, bytes + j * LISSOM_LANES, LISSOM_LANES);
            } else {
                memcpy(to + j * context->y_pixel, bytes + j * LISSOM_LANES, (size_t)n);
            }
        }
    }
}

/* A patch of 6x6 pixels from (h, w) on, with the zero point for what is outside of the image. */
LISSOM_NOINLINE static void copy_patch(const lissom_conv_params *p, int32_t zero, const uint8_t *x, int32_t h, int32_t w,
                                       uint8_t *to)
{
    const int32_t pixel = p->in_channels;
    const int32_t x_pixel = p->x_pixel;
    const int32_t left = lissom_smaller(lissom_larger(-w, 0), 6);
    const int32_t inside = lissom_larger(lissom_smaller(p->in[2] - w, 6) - left, 0);
    for (int32_t i = 0; i < 6; ++i, to += 6 * pixel) {
        if (h + i < 0 || h + i >= p->in[1] || inside == 0) {
            memset(to, zero, (size_t)(6 * pixel));
            continue;
        }
        memset(to, zero, (size_t)(left * pixel));
        const uint8_t *const from = x + ((h + i) * p->in[2] + w + left) * x_pixel;
        if (x_pixel == pixel) {
            memcpy(to + left * pixel, from, (size_t)(inside * pixel));
        } else {
            for (int32_t j = 0; j < inside; ++j) {
                memcpy(to + (left + j) * pixel, from + j * x_pixel, (size_t)pixel);
            }
        }
        memset(to + (left + inside) * pixel, zero, (size_t)((6 - left - inside) * pixel));
    }
}

/* The tiles from `first` on. Scratch memory holds a patch, transformed patches, transformed weights and sums. */
static inline void block(const lissom_conv_q8_params *q, const results_context *context, const uint8_t *x, const uint8_t *w,
                         const uint8_t *skip, uint8_t *y, uint8_t *scratch, int32_t first, int32_t tiles)
{
    const lissom_conv_params *const p = &q->conv;
    const int32_t across = (p->out[2] + 3) / 4;
    const int32_t pixel = p->in_channels;
    const int32_t pairs = (p->in_channels + 1) / 2;
    const int32_t w_point = pairs * CHANNELS * 4 + 64;
    const int32_t x_pixel = p->x_pixel;
    const int32_t x_bytes = (p->in[1] * p->in[2] - 1) * x_pixel + pixel;
    const int32_t last = x_bytes - LISSOM_DEPTH; /* where all channels can be read as vectors */
    uint8_t *const patch = scratch;
    uint8_t *const of_x = patch + (36 * pixel + LISSOM_DEPTH + 63) / 64 * 64;
    uint8_t *const of_w = of_x + POINTS * X_POINT;
    uint8_t *const sums = of_w + POINTS * w_point;
    for (int32_t t = 0; t < tiles; ++t) {
        const int32_t row = (first + t) / across * 4 - p->pad[1];
        const int32_t column = (first + t) % across * 4 - p->pad[2];
        const int32_t from = (row * p->in[2] + column) * x_pixel;
        const int32_t end = from + (5 * p->in[2] + 5) * x_pixel;
        if (row >= 0 && column >= 0 && row + 6 <= p->in[1] && column + 6 <= p->in[2] && end <= last) {
            patches(x + from, p->in[2] * x_pixel, x_pixel, p->in_channels, of_x + t * LISSOM_DEPTH * 2);
        } else {
            copy_patch(p, q->x.zero, x, row, column, patch);
            patches(patch, 6 * pixel, pixel, p->in_channels, of_x + t * LISSOM_DEPTH * 2);
        }
    }
    for (int32_t o = 0; o < p->out_channels; o += CHANNELS, w += CHANNELS * (8 + pairs * 18)) {
        weights(w + CHANNELS * 8, pairs, w_point, of_w);
        for (int32_t i = 0; i < POINTS; ++i) {
            products(of_x + i * X_POINT, of_w + i * w_point, pairs, tiles, sums + i * SUMS_POINT);
        }
        for (int32_t t = 0; t < tiles; ++t) {
            const int32_t row = (first + t) / across * 4;
            const int32_t column = (first + t) % across * 4;
            const int32_t at = row * p->out[2] + column;
            for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
                const int32_t channel = o + v * LISSOM_LANES;
                if (channel < p->out_channels) {
                    results(context, sums + (t * LISSOM_VECTORS + v) * VECTOR, w + v * VECTOR,
                            skip ? skip + at * p->skip_pixel + channel : NULL, y + at * p->y_pixel + channel,
                            lissom_smaller(4, p->out[1] - row), lissom_smaller(4, p->out[2] - column),
                            lissom_smaller(LISSOM_LANES, p->out_channels - channel));
                }
            }
        }
    }
}

void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    const lissom_conv_params *const p = &q->conv;
    const int32_t positions = p->out[1] * p->out[2];
    const int32_t tiles = (p->out[1] + 3) / 4 * ((p->out[2] + 3) / 4);
    const results_context context = {lissom_finish_q8_of(&q->y, skip ? &q->skip : NULL), p->y_pixel, p->skip_pixel, p->out[2]};
    (void)w_zero;
    (void)multiplier;
    (void)b;
    for (int32_t n = 0; n < p->batch; ++n) {
        for (int32_t first = 0; first < tiles; first += LISSOM_BLOCK) {
            block(q, &context, x + n * p->in[1] * p->in[2] * p->x_pixel, w,
                  skip ? skip + n * positions * p->skip_pixel : NULL, y + n * positions * p->y_pixel, scratch, first,
                  lissom_smaller(LISSOM_BLOCK, tiles - first));
        }
    }
}

LISSOM_LEVEL_END
