/* Convolution of bytes, 1x1 with stride 1, at levels whose dot products of bytes saturate, and the same bytes
 * (docs/decisions/0017-mended-bytes.md): products are taken as if they did not, and where some could have, what
 * that lost is added.
 *
 * Two products of unsigned bytes with weights are summed in 16 bits. That is exact where both bytes come to at most 256, since
 * no weight is beyond 128, and, whatever they are, where the weights that are positive, or negative, come to at most 128.
 * So a group of four bytes has to be looked at only where neighbours in some column of a tile are larger, which is
 * found for each tile before all products, and weights of some channel are, which is known beforehand. Behind a Relu it is a
 * few in a thousand.
 *
 * Columns are pixels one behind the other, whatever row they are in. w holds for each panel of LISSOM_VECTORS vectors of
 * output channels the biases (less what the zero point of x adds), the multipliers, for each group of four input channels a
 * vector of weights, and a bit for each group whose weights may saturate (backends/c/packing, "mended"). Of
 * channels that are no multiple of four the last group overlaps the one before, with weights of 0 for what that one had.
 *
 * LISSOM_STEP is the bytes from one pixel to the next. */
#include "lissom_conv.h"
#include "lissom_finish_q8_tile.h"

typedef lissom_vi tile_sum;
static inline tile_sum tile_start(const uint8_t *panel, int32_t v) { return lissom_vi_load(panel + v * LISSOM_LANES * 4); }
static inline tile_sum tile_load(const uint8_t *w) { return lissom_vi_load(w); }
static inline tile_sum tile_group(const uint8_t *x) { return lissom_vi_four(x); }
static inline tile_sum tile_few(const uint8_t *x, int32_t n) { return lissom_vi_few(x, n); }
static inline tile_sum tile_dot(tile_sum acc, tile_sum x, tile_sum w) { return lissom_vi_dot(acc, x, w); }

#include "lissom_vector_sums.h"

#define CHANNELS (LISSOM_VECTORS * LISSOM_LANES)
#define GROUP (CHANNELS * 4) /* bytes of its weights */
#define BITS 32              /* groups whose bits are a word */

/* For each tile, the groups in which two neighbours in some column come to more than 256. */
LISSOM_NOINLINE static void look(const uint8_t *x, int32_t columns, int32_t length, int32_t step, uint32_t *large)
{
    const int32_t groups = (length + 3) / 4;
    for (int32_t c = 0; c < columns; c += LISSOM_ROWS) {
        const uint8_t *const at = x + lissom_smaller(c, columns - LISSOM_ROWS) * step;
        for (int32_t first = 0; first < groups; first += BITS, ++large) {
            const int32_t end = lissom_smaller(groups, first + BITS);
            int32_t g = first;
            uint32_t found = 0;
            for (; g < end && (g + LISSOM_LANES) * 4 <= length; g += LISSOM_LANES) {
                lissom_vi most = lissom_vi_set(0);
                LISSOM_UNROLL
                for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
                    const lissom_vi four = lissom_vi_load(at + m * step + g * 4);
                    const lissom_vi both = LISSOM_V(maddubs_epi16)(four, lissom_vi_set(0x01010101));
                    most = LISSOM_V(max_epi16)(most, both);
                }
                found |= lissom_vi_nonzero(LISSOM_V(subs_epu16)(most, lissom_vi_set_16(256))) << (g - first);
            }
            for (; g < end; ++g) {
                for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
                    const uint8_t *const four = at + m * step + lissom_smaller(g * 4, length - 4);
                    found |= (uint32_t)(four[0] + four[1] > 256 || four[2] + four[3] > 256) << (g - first);
                }
            }
            *large = found;
        }
    }
}

static inline uint32_t word_of(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* What the products of a group come to beyond what their saturated sums do: of the upper and of the lower bits of x they do
 * not saturate, and the difference of both ways to add these fits in 16 bits again. */
static inline void mend(tile_sum (*acc)[LISSOM_VECTORS], const uint8_t *x, int32_t step, const uint8_t *w)
{
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        const lissom_vi four = lissom_vi_four(x + m * step);
        const lissom_vi low = LISSOM_V_WHOLE(and)(four, lissom_vi_set(0x7F7F7F7F));
        const lissom_vi high = lissom_vi_xor(four, low);
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            const lissom_vi weights = lissom_vi_load(w + v * LISSOM_LANES * 4);
            const lissom_vi a = LISSOM_V(maddubs_epi16)(low, weights);
            const lissom_vi b = LISSOM_V(maddubs_epi16)(high, weights);
            const lissom_vi lost = LISSOM_V(sub_epi16)(LISSOM_V(add_epi16)(a, b), LISSOM_V(adds_epi16)(a, b));
            acc[m][v] = lissom_vi_dot_words(acc[m][v], lost, lissom_vi_set_16(1));
        }
    }
}

/* All that is to be mended of a tile: the groups that are `large` in the tile and `heavy` in the panel. Its sums are in
 * memory: sums in registers may not live across a call, or the loop over products loses some. */
LISSOM_NOINLINE static void mend_all(tile_sum (*acc)[LISSOM_VECTORS], int32_t length, const uint8_t *x, int32_t step,
                                     const uint32_t *large, const uint8_t *heavy, const uint8_t *w)
{
    for (int32_t first = 0; first * 4 < length; first += BITS, heavy += BITS / 8) {
        for (uint32_t some = *large++ & word_of(heavy); some != 0; some &= some - 1) {
            const int32_t g = first + __builtin_ctz(some);
            mend(acc, x + lissom_smaller(g * 4, length - 4), step, w + g * GROUP);
        }
    }
}

/* Results from sums that pass through memory, of any number of channels. */
LISSOM_NOINLINE static void finish(const lissom_finish_q8 *f, const uint8_t *multipliers,
                                   const tile_sum (*acc)[LISSOM_VECTORS], const uint8_t *skip, uint8_t *y, int32_t step,
                                   int32_t channels)
{
    if (skip) {
        lissom_finish_q8_tile(f, multipliers, acc, skip, y, step, channels);
    } else {
        lissom_finish_q8_tile(f, multipliers, acc, NULL, y, step, channels);
    }
}

/* LISSOM_ROWS pixels from x on. `large` and `heavy` are bits for each group of the tile and of the panel. */
static inline void tile(const lissom_finish_q8 *f, int32_t length, const uint8_t *x, int32_t step, const uint32_t *large,
                        const uint8_t *panel, const uint8_t *heavy, const uint8_t *skip, uint8_t *y, int32_t y_step,
                        int32_t channels)
{
    const uint8_t *const multipliers = panel + CHANNELS * 4;
    const uint8_t *const weights = panel + CHANNELS * 8;
    const int32_t groups = (length + 3) / 4;
    const int32_t last = length - 4;
    tile_sum acc[LISSOM_ROWS][LISSOM_VECTORS];
    sums_start(acc, panel);
    const uint8_t *w = weights;
    const uint8_t *at = x;
    for (int32_t g = 1; g <= groups; ++g, w += GROUP) {
        LISSOM_FORGET(at); /* neighbours see the same bytes some groups later: gcc would keep them till then */
        multiply(acc, at, step, w, 0);
        at = g + 1 < groups ? at + 4 : x + last;
    }
    uint32_t some = 0;
    for (int32_t first = 0; first < groups; first += BITS) {
        some |= large[first / BITS] & word_of(heavy + first / 8);
    }
#ifdef LISSOM_WHOLE_TILES
    if (some == 0 && channels == CHANNELS) {
        if (skip) {
            lissom_finish_q8_whole(f, multipliers, acc, skip, y, y_step);
        } else {
            lissom_finish_q8_whole(f, multipliers, acc, NULL, y, y_step);
        }
        return;
    }
#endif
    tile_sum done[LISSOM_ROWS][LISSOM_VECTORS];
    sums_store(done, (const tile_sum(*)[LISSOM_VECTORS])acc);
    if (some != 0) {
        mend_all(done, length, x, step, large, heavy, weights);
    }
    finish(f, multipliers, (const tile_sum(*)[LISSOM_VECTORS])done, skip, y, y_step, channels);
}

/* Scratch memory holds a bit for each group of each tile. */
void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    const lissom_conv_params *const p = &q->conv;
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->y, skip ? &q->skip : NULL);
    const int32_t columns = p->batch * p->out[0] * p->out[1] * p->out[2];
    const int32_t step = LISSOM_STEP ? LISSOM_STEP : p->x_pixel;
    const int32_t groups = (p->in_channels + 3) / 4;
    const int32_t words = (groups + BITS - 1) / BITS;
    const int32_t panel_bytes = CHANNELS * 8 + groups * GROUP + (words * (BITS / 8) + 63) / 64 * 64;
    (void)w_zero;
    (void)multiplier;
    (void)b;
    look(x, columns, p->in_channels, step, scratch);
    for (int32_t o = 0; o < p->out_channels; o += CHANNELS, w += panel_bytes) {
        const int32_t channels = lissom_smaller(CHANNELS, p->out_channels - o);
        const uint32_t *large = scratch;
        for (int32_t c = 0; c < columns; c += LISSOM_ROWS, large += words) {
            /* The last tile may overlap the one before: the same bytes once more. */
            const int32_t column = lissom_smaller(c, columns - LISSOM_ROWS);
            const int32_t to = column * p->y_pixel + o;
            tile(&f, p->in_channels, x + column * step, step, large, w, w + CHANNELS * 8 + groups * GROUP,
                 skip ? skip + to : NULL, y + to, p->y_pixel, channels);
        }
    }
}

LISSOM_LEVEL_END
