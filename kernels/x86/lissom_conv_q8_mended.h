/* Convolution of bytes at levels whose dot products of bytes saturate, and the same bytes (docs/decisions/0020-sums-of-words.md).
 * Products are summed in 16 bits as far as activations are small enough; what is cut off those that are not is multiplied
 * by itself.
 *
 * Some output columns at a time: what the kernel sees there is laid out in scratch memory (lissom_columns.h), then all panels
 * pass over it, so results are written while their lines are in the cache.
 *
 * w holds for each panel of LISSOM_VECTORS vectors of output channels the biases (less what the zero point of x adds), the
 * multipliers, and for each eight bytes of a column a vector of weights for the first four, then for the last four
 * (backends/c/packing, "mended"). With LISSOM_OFFSET weights are 128 more, and activations 128 less.
 *
 * LISSOM_STEP is the bytes of a column, in whole vectors, or 0 for what the parameters say. */
#include "lissom_conv.h"
#include "lissom_finish_q8_tile.h"
#include "lissom_columns.h"

#define CHANNELS (LISSOM_VECTORS * LISSOM_LANES)
#define EIGHT (CHANNELS * 8) /* bytes of its weights */
#define BLOCK 32768          /* bytes of columns and results that are worked on at once */

/* Two products each of unsigned and signed bytes. */
static inline lissom_vi pairs(lissom_vi x, lissom_vi w)
{
    return LISSOM_OFFSET ? LISSOM_V(maddubs_epi16)(w, x) : LISSOM_V(maddubs_epi16)(x, w);
}

static inline lissom_vi add_words(lissom_vi acc, lissom_vi words)
{
    return lissom_vi_dot_words(acc, words, lissom_vi_set_16(1));
}

/* The sums over eight bytes of each column. */
LISSOM_INLINE void multiply(lissom_vi (*acc)[LISSOM_VECTORS], const uint8_t *x, int32_t step, const uint8_t *w)
{
    LISSOM_UNROLL
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        if (LISSOM_VECTORS > 1) {
            LISSOM_FORGET(w); /* weights of several vectors are read where they are used: sums need the registers */
        }
        const lissom_vi first = lissom_vi_four(x + m * step);
        const lissom_vi last = lissom_vi_four(x + m * step + 4);
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            const lissom_vi a = pairs(first, lissom_vi_load(w + v * VECTOR));
            const lissom_vi b = pairs(last, lissom_vi_load(w + (LISSOM_VECTORS + v) * VECTOR));
            acc[m][v] = LISSOM_OFFSET ? add_words(add_words(acc[m][v], a), b)
                                      : add_words(acc[m][v], LISSOM_V(add_epi16)(a, b));
        }
    }
}

/* Results from sums that pass through memory, of any number of channels. */
LISSOM_NOINLINE static void finish(const lissom_finish_q8 *f, const uint8_t *multipliers,
                                   const lissom_vi (*acc)[LISSOM_VECTORS], const uint8_t *skip, uint8_t *y, int32_t step,
                                   int32_t channels)
{
    if (skip) {
        lissom_finish_q8_tile(f, multipliers, acc, skip, y, step, channels);
    } else {
        lissom_finish_q8_tile(f, multipliers, acc, NULL, y, step, channels);
    }
}

/* First sums of columns some of which have rests: biases and the products of these. In memory, since sums in registers that
 * such a loop may add to are sums that compilers keep on the stack. */
LISSOM_NOINLINE static void begin(lissom_vi (*sums)[LISSOM_VECTORS], const columns *c, int32_t first, const uint8_t *panel)
{
    int32_t r = first > 0 ? c->ends[first - 1] : 0;
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        lissom_vi sum[LISSOM_VECTORS];
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            sum[v] = lissom_vi_load(panel + v * VECTOR);
        }
        for (; r < c->ends[first + m]; ++r) {
            const uint8_t *const w = panel + CHANNELS * 8 + c->rests[r].group * (EIGHT / 2);
            const lissom_vi four = lissom_vi_four(c->rests[r].bytes);
            LISSOM_UNROLL
            for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
                sum[v] = add_words(sum[v], pairs(four, lissom_vi_load(w + v * VECTOR)));
            }
        }
        memcpy(sums[m], sum, sizeof sum);
    }
}

/* LISSOM_ROWS columns from `first` of c on. */
static inline void tile(const lissom_finish_q8 *f, int32_t eights, const columns *c, int32_t first, const uint8_t *panel,
                        const uint8_t *skip, uint8_t *y, int32_t y_step, int32_t channels)
{
    const int32_t step = LISSOM_STEP ? LISSOM_STEP : c->step;
    const uint8_t *const multipliers = panel + CHANNELS * 4;
    lissom_vi begun[LISSOM_ROWS][LISSOM_VECTORS];
    const uint8_t *from = panel;
    int32_t next = 0; /* bytes from the first sums of a column to those of the next one */
    if ((first > 0 ? c->ends[first - 1] : 0) < c->ends[first + LISSOM_ROWS - 1]) {
        begin(begun, c, first, panel);
        from = (const uint8_t *)begun;
        next = CHANNELS * 4;
    }
    lissom_vi acc[LISSOM_ROWS][LISSOM_VECTORS];
    LISSOM_UNROLL
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            acc[m][v] = lissom_vi_load(from + m * next + v * VECTOR);
            if (LISSOM_OFFSET) {
                acc[m][v] = lissom_vi_sub(acc[m][v], lissom_vi_set(c->sums[first + m]));
            }
        }
    }
    const uint8_t *at = c->bytes + first * step;
    const uint8_t *w = panel + CHANNELS * 8;
    for (int32_t g = 0; g < eights; ++g, at += 8, w += EIGHT) {
        LISSOM_FORGET(at); /* neighbours see the same bytes some groups later: gcc would keep them till then */
        multiply(acc, at, step, w);
    }
#ifdef LISSOM_WHOLE_TILES
    if (channels == CHANNELS) {
        if (skip) {
            lissom_finish_q8_whole(f, multipliers, acc, skip, y, y_step);
        } else {
            lissom_finish_q8_whole(f, multipliers, acc, NULL, y, y_step);
        }
        return;
    }
#endif
    lissom_vi done[LISSOM_ROWS][LISSOM_VECTORS];
    LISSOM_UNROLL
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            done[m][v] = acc[m][v];
        }
    }
    finish(f, multipliers, (const lissom_vi(*)[LISSOM_VECTORS])done, skip, y, y_step, channels);
}

/* Scratch memory holds a block of columns, ends and sums of each, and rests, of which a column has at most two for each four. */
void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    const lissom_conv_params *const p = &q->conv;
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->y, skip ? &q->skip : NULL);
    const int32_t taps = p->kernel[0] * p->kernel[1] * p->kernel[2];
    const int32_t length = taps * p->in_channels;
    const int32_t eights = (length + 7) / 8;
    const int32_t step = (length + VECTOR - 1) / VECTOR * VECTOR;
    const int32_t all = p->batch * p->out[0] * p->out[1] * p->out[2];
    const int32_t strides = p->stride[0] * p->stride[1] * p->stride[2];
    const int32_t inside = p->batch * p->in[0] * p->in[1] * p->in[2];
    const int32_t are_pixels = taps == 1 && strides == 1 && all == inside;
    const int32_t tiles = lissom_larger(4, BLOCK / ((step + p->out_channels) * LISSOM_ROWS));
    const int32_t block = lissom_smaller(all, tiles * LISSOM_ROWS);
    uint8_t *const bytes = scratch;
    int32_t *const ends = (void *)(bytes + block * step);
    const columns c = {bytes, (void *)(ends + 2 * block), ends, ends + block, step};
    (void)w_zero;
    (void)multiplier;
    (void)b;
    for (int32_t o = 0; o < all; o += block) {
        /* The last block, and the last tile of each, may overlap the one before: the same bytes once more. */
        const int32_t first = lissom_smaller(o, lissom_larger(0, all - LISSOM_ROWS));
        const int32_t n = lissom_smaller(block, all - first);
        fill(p, x, q->x.zero, first, n, are_pixels, &c);
        const uint8_t *panel = w;
        for (int32_t channel = 0; channel < p->out_channels; channel += CHANNELS) {
            const int32_t channels = lissom_smaller(CHANNELS, p->out_channels - channel);
            for (int32_t i = 0; i < n; i += LISSOM_ROWS) {
                const int32_t column = lissom_smaller(i, n - LISSOM_ROWS);
                const int32_t to = (first + column) * p->y_pixel + channel;
                tile(&f, eights, &c, column, panel, skip ? skip + to : NULL, y + to, p->y_pixel, channels);
            }
            panel += CHANNELS * 8 + eights * EIGHT;
        }
    }
}

LISSOM_LEVEL_END
