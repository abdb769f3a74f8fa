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
    const uint8_t *const last = indices + 2 * blocks;
    weights += 4 * PARTS * e;
    for (indices += 2 * e; indices != last; indices += 2, weights += 4 * PARTS) {
        lissom_sparse_block(acc, patches + (size_t)lissom_sparse_index(indices, 0) * ROW, weights, vectors);
    }
}

/* Bytes of the channel of `head`, four of each vector in turn. Its blocks begin at `first`, which moves to where they end. */
LISSOM_INLINE void channel(const lissom_finish_q8 *f, const uint8_t *patches, const uint8_t *head, const uint8_t *indices,
                           const uint8_t *weights, int32_t *first, lissom_vi *packed, const int32_t vectors)
{
    const int32_t begin = *first;
    const int32_t blocks = (*first = lissom_sparse_i32(head, 0, 2)) - begin;
    const lissom_vf multiplier = lissom_vf_set(lissom_sparse_multiplier(head, 0));
    lissom_vi acc[4 * QUADS];
    accumulate(acc, patches, indices + 2 * begin, weights + 4 * PARTS * begin, blocks, lissom_sparse_i32(head, 0, 0), vectors);
    LISSOM_UNROLL
    for (int32_t v = 0; v < 4 * QUADS; ++v) {
        acc[v] = v < vectors ? lissom_finish_q8_round(f, acc[v], multiplier, NULL, LISSOM_LANES) : acc[0];
    }
    LISSOM_UNROLL
    for (int32_t i = 0; i < QUADS; ++i) {
        packed[i] = lissom_finish_q8_flip(f, lissom_pack_fours(acc + 4 * i, f->zero));
    }
}

/* Of a tile, n channels of the first `pixels` of a vector of pixels, to where these are `step` bytes apart. */
LISSOM_INLINE void turn_round(const uint8_t *tile, uint8_t *y, int32_t step, const int32_t n, const int32_t pixels)
{
    lissom_vi rows[LISSOM_LANES];
    LISSOM_UNROLL
    for (int32_t i = 0; i < LISSOM_LANES; ++i) {
        rows[i] = lissom_vi_load(tile + i * BYTES);
    }
    lissom_transpose(rows);
    LISSOM_UNROLL
    for (int32_t i = 0; i < LISSOM_LANES; ++i) {
        if (i < pixels) {
            lissom_store_bytes(y + i * step, rows[i], n);
        }
    }
}

/* All channels of `pixels` pixels, which are `vectors` vectors. */
LISSOM_INLINE void outputs(const lissom_sparse_q8_params *q, const uint8_t *patches, const uint8_t *w, uint8_t *y,
                           uint8_t *tile, int32_t pixels, const int32_t vectors)
{
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->y, NULL);
    const int32_t channels = q->conv.out_channels;
    const int32_t step = q->conv.y_pixel;
    const uint8_t *const indices = w + channels * LISSOM_SPARSE_HEAD;
    const uint8_t *const weights = indices + 2 * q->blocks;
    const uint8_t *head = w;
    int32_t block = 0;
    for (int32_t o = 0; o < channels; o += BYTES) {
        const int32_t n = lissom_smaller(BYTES, channels - o);
        for (int32_t c = 0; c < n; c += 4) {
            lissom_vi packed[4][QUADS];
            LISSOM_UNROLL
            for (int32_t i = 0; i < 4; ++i) { /* past the last channel that one again, without blocks, which is not stored */
                channel(&f, patches, head, indices, weights, &block, packed[i], vectors);
                head += o + c + i < channels - 1 ? LISSOM_SPARSE_HEAD : 0;
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
        int32_t first = 0;
        if (n == BYTES) {
            for (; first + LISSOM_LANES <= pixels; first += LISSOM_LANES) {
                turn_round(tile + first * BYTES, y + first * step + o, step, BYTES, LISSOM_LANES);
            }
        }
        for (; first < pixels; first += LISSOM_LANES) {
            turn_round(tile + first * BYTES, y + first * step + o, step, n, pixels - first);
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
