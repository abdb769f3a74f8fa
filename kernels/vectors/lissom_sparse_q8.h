/* Convolution of bytes, channels last, with weights of which few blocks of four channels are not zero: activations are
 * uint8 or int8, as the level has them, weights int8. As many pixels as fit in cache at once are laid out as [tap][four channels][pixel][4], so that a block of
 * weights, in every lane, meets vectors of pixels; a channel's sums over its blocks stay in registers. Results of four
 * channels are zipped, and of LISSOM_LANES such fours turned round, to go back channels last.
 *
 * Where dot products are of words, bytes become words as they are laid out, and a block of four is two such products.
 *
 * LISSOM_VECTORS, of pixels, are at most taken at once, or one less, so that all turns are much alike. */
#include "lissom_finish_q8.h"
#include "lissom_interleave.h"
#include "lissom_sparse.h"
#include "lissom_sparse_sums.h"

typedef lissom_sparse_q8_params sparse_params;
#define SPARSE_ELEMENT 1
#define SPARSE_CONV(q) (&(q)->conv)
#define SPARSE_RUNS(channels) (((channels) + 3) / 4)
#define BYTES (LISSOM_LANES * 4)
#define PARTS LISSOM_DOT_BYTES /* vectors that hold four channels of a vector of pixels, and dot products of a block */
#define ROW (LISSOM_VECTORS * PARTS * BYTES)
#define QUADS ((LISSOM_VECTORS + 3) / 4)

/* Sums of one channel over its blocks. */
LISSOM_INLINE void accumulate(lissom_vi *acc, const uint8_t *patches, const uint8_t *indices, const uint8_t *weights,
                              int32_t blocks, int32_t bias, const int32_t vectors)
{
    LISSOM_UNROLL
    for (int32_t v = 0; v < 4 * QUADS; ++v) {
        acc[v] = lissom_vi_set(bias);
    }
    int32_t e = 0;
    if (vectors < 4) { /* so few sums would wait for each other: twice as many, for every other block */
        lissom_vi odd[LISSOM_VECTORS];
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            odd[v] = lissom_vi_set(0);
        }
        for (; e + 2 <= blocks; e += 2) {
            const uint8_t *const x = patches + (size_t)lissom_sparse_index(indices, e) * ROW;
            const uint8_t *const next = patches + (size_t)lissom_sparse_index(indices, e + 1) * ROW;
            lissom_sparse_block(acc, x, weights + 4 * PARTS * e, vectors);
            lissom_sparse_block(odd, next, weights + 4 * PARTS * (e + 1), vectors);
        }
        LISSOM_UNROLL
        for (int32_t v = 0; v < vectors; ++v) {
            acc[v] = lissom_vi_add(acc[v], odd[v]);
        }
    }
    for (; e < blocks; ++e) {
        const uint8_t *const x = patches + (size_t)lissom_sparse_index(indices, e) * ROW;
        lissom_sparse_block(acc, x, weights + 4 * PARTS * e, vectors);
    }
}

/* Bytes of one channel, four of each vector in turn. */
LISSOM_INLINE void channel(const lissom_finish_q8 *f, const uint8_t *patches, const uint8_t *w, const uint8_t *indices,
                           const uint8_t *weights, int32_t o, lissom_vi *packed, const int32_t vectors)
{
    const int32_t first = lissom_sparse_first(w, o);
    const int32_t blocks = lissom_sparse_i32(w, o, 2) - first;
    const lissom_vf multiplier = lissom_vf_set(lissom_sparse_multiplier(w, o));
    lissom_vi acc[4 * QUADS];
    accumulate(acc, patches, indices + 2 * first, weights + 4 * PARTS * first, blocks, lissom_sparse_i32(w, o, 0), vectors);
    LISSOM_UNROLL
    for (int32_t v = 0; v < 4 * QUADS; ++v) {
        acc[v] = v < vectors ? lissom_finish_q8_round(f, acc[v], multiplier, NULL, LISSOM_LANES) : acc[0];
    }
    LISSOM_UNROLL
    for (int32_t i = 0; i < QUADS; ++i) {
        packed[i] = lissom_finish_q8_flip(f, lissom_pack_fours(acc + 4 * i, f->zero));
    }
}

/* All channels of `pixels` pixels, which are `vectors` vectors. */
LISSOM_INLINE void outputs(const lissom_sparse_q8_params *q, const uint8_t *patches, const uint8_t *w, uint8_t *y,
                           uint8_t *tile, int32_t pixels, const int32_t vectors)
{
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->y, NULL);
    const int32_t channels = q->conv.out_channels;
    const uint8_t *const indices = w + channels * LISSOM_SPARSE_HEAD;
    const uint8_t *const weights = indices + 2 * q->blocks;
    for (int32_t o = 0; o < channels; o += BYTES) {
        const int32_t n = lissom_smaller(BYTES, channels - o);
        for (int32_t c = 0; c < n; c += 4) {
            lissom_vi packed[4][QUADS];
            LISSOM_UNROLL
            for (int32_t i = 0; i < 4; ++i) { /* past the last channel that one again, which is not stored */
                const int32_t last = lissom_smaller(o + c + i, channels - 1);
                channel(&f, patches, w, indices, weights, last, packed[i], vectors);
            }
            LISSOM_UNROLL
            for (int32_t i = 0; i < QUADS; ++i) {
                const lissom_vi four[4] = {packed[0][i], packed[1][i], packed[2][i], packed[3][i]};
                lissom_vi zipped[4];
                lissom_zip_fours(four, zipped);
                LISSOM_UNROLL
                for (int32_t v = 4 * i; v < 4 * i + 4; ++v) {
                    if (v < vectors) {
                        lissom_vi_store(tile + v * LISSOM_LANES * BYTES + c / 4 * BYTES, zipped[v - 4 * i]);
                    }
                }
            }
        }
        for (int32_t first = 0; first < pixels; first += LISSOM_LANES) {
            lissom_vi rows[LISSOM_LANES];
            LISSOM_UNROLL
            for (int32_t i = 0; i < LISSOM_LANES; ++i) {
                rows[i] = lissom_vi_load(tile + first * BYTES + i * BYTES);
            }
            lissom_transpose(rows);
            uint8_t *const to = y + first * q->conv.y_pixel + o;
            if (n == BYTES && first + LISSOM_LANES <= pixels) {
                LISSOM_UNROLL
                for (int32_t i = 0; i < LISSOM_LANES; ++i) {
                    lissom_vi_store(to + i * q->conv.y_pixel, rows[i]);
                }
            } else {
                LISSOM_UNROLL
                for (int32_t i = 0; i < LISSOM_LANES; ++i) {
                    if (first + i < pixels) {
                        lissom_store_bytes(to + i * q->conv.y_pixel, rows[i], n);
                    }
                }
            }
        }
    }
}

/* n channels of a vector of pixels, which begin where `from` says, to rows of patches. */
LISSOM_INLINE void lay_out(const uint8_t *const *from, int32_t c, const int32_t n, uint8_t *to)
{
    lissom_vi rows[LISSOM_LANES];
    LISSOM_UNROLL
    for (int32_t i = 0; i < LISSOM_LANES; ++i) {
        rows[i] = lissom_load_bytes(from[i] + c, n);
    }
    lissom_lay_out(rows);
    LISSOM_UNROLL
    for (int32_t i = 0; i < LISSOM_LANES; ++i) {
        if (4 * i < n) {
#if PARTS == 1
            lissom_vi_store(to + i * ROW, rows[i]);
#else
            lissom_vi_store(to + i * ROW, lissom_vi_even_bytes(rows[i]));
            lissom_vi_store(to + i * ROW + BYTES, lissom_vi_odd_bytes(rows[i]));
#endif
        }
    }
}

/* The channels of pixels, which begin where `from` says, in fours: for each four, all pixels. */
static inline void interleave(const uint8_t *const *from, int32_t channels, int32_t pixels, uint8_t *to)
{
    for (int32_t first = 0; first < pixels; first += LISSOM_LANES) {
        const uint8_t *of[LISSOM_LANES];
        LISSOM_UNROLL
        for (int32_t i = 0; i < LISSOM_LANES; ++i) { /* past the last pixel that one again */
            of[i] = from[lissom_smaller(first + i, pixels - 1)];
        }
        uint8_t *at = to + first * 4 * PARTS;
        int32_t c = 0;
        for (; c + BYTES <= channels; c += BYTES, at += LISSOM_LANES * ROW) {
            lay_out(of, c, BYTES, at);
        }
        if (c < channels) {
            lay_out(of, c, channels - c, at);
        }
    }
}

static inline void sparse_border(const lissom_sparse_q8_params *q, uint8_t *border)
{
    memset(border, q->x.zero ^ q->x.flip, (size_t)q->conv.in_channels);
}

#include "lissom_sparse_conv.h"

void LISSOM_KERNEL(const lissom_sparse_q8_params *q, const uint8_t *x, const uint8_t *w, uint8_t *y, void *scratch)
{
    convolve(q, x, w, y, scratch);
}

LISSOM_LEVEL_END
