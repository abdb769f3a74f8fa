/* Convolution of floats with few weights that are not zero (lissom_sparse_conv.h). Patches are [tap][channel][pixel].
 * Results of LISSOM_LANES channels are turned round, to go back channels last. */
#include "lissom_interleave.h"
#include "lissom_sparse.h"
#include "lissom_sparse_sums.h"

typedef lissom_sparse_f32_params sparse_params;
#define SPARSE_ELEMENT 4
#define SPARSE_CONV(q) (&(q)->conv)
#define SPARSE_RUNS(channels) (channels)
#define BYTES (LISSOM_LANES * 4)
#define ROW (LISSOM_VECTORS * BYTES)

/* Sums of one channel over its weights. */
LISSOM_INLINE void channel(const sparse_params *q, const uint8_t *patches, const uint8_t *w, int32_t o, lissom_vf *acc,
                           const int32_t vectors)
{
    const uint8_t *const indices = w + q->conv.out_channels * LISSOM_SPARSE_F32_HEAD;
    const uint8_t *const weights = indices + 2 * q->nonzeros;
    const int32_t last = lissom_sparse_f32_last(w, o);
    int32_t e = o ? lissom_sparse_f32_last(w, o - 1) : 0;
    lissom_vf odd[LISSOM_VECTORS];
    LISSOM_UNROLL
    for (int32_t v = 0; v < vectors; ++v) {
        acc[v] = lissom_vf_set(lissom_sparse_f32_bias(w, o));
        odd[v] = lissom_vf_set(0.0f);
    }
    for (; vectors < 4 && e + 2 <= last; e += 2) { /* so few sums would wait for each other: twice as many */
        const uint8_t *const next = patches + (size_t)lissom_sparse_index(indices, e + 1) * ROW;
        lissom_sparse_weight(acc, patches + (size_t)lissom_sparse_index(indices, e) * ROW, weights + 4 * e, vectors);
        lissom_sparse_weight(odd, next, weights + 4 * e + 4, vectors);
    }
    for (; e < last; ++e) {
        lissom_sparse_weight(acc, patches + (size_t)lissom_sparse_index(indices, e) * ROW, weights + 4 * e, vectors);
    }
    LISSOM_UNROLL
    for (int32_t v = 0; v < vectors; ++v) {
        const lissom_vf sum = vectors < 4 ? lissom_vf_add(acc[v], odd[v]) : acc[v];
        acc[v] = lissom_vf_min(lissom_vf_max(sum, lissom_vf_set(q->conv.low)), lissom_vf_set(q->conv.high));
    }
}

/* All channels of `pixels` pixels, which are `vectors` vectors. */
LISSOM_INLINE void outputs(const sparse_params *q, const uint8_t *patches, const uint8_t *w, uint8_t *y, uint8_t *tile,
                           int32_t pixels, const int32_t vectors)
{
    const int32_t channels = q->conv.out_channels;
    const int32_t step = q->conv.y_pixel * 4;
    for (int32_t o = 0; o < channels; o += LISSOM_LANES) {
        const int32_t n = lissom_smaller(LISSOM_LANES, channels - o);
        for (int32_t c = 0; c < n; ++c) {
            lissom_vf acc[LISSOM_VECTORS];
            channel(q, patches, w, o + c, acc, vectors);
            LISSOM_UNROLL
            for (int32_t v = 0; v < vectors; ++v) {
                memcpy(tile + (v * LISSOM_LANES + c) * BYTES, &acc[v], BYTES);
            }
        }
        for (int32_t first = 0; first < pixels; first += LISSOM_LANES) {
            lissom_vi rows[LISSOM_LANES];
            LISSOM_UNROLL
            for (int32_t i = 0; i < LISSOM_LANES; ++i) {
                rows[i] = lissom_vi_load(tile + (first + i) * BYTES);
            }
            lissom_transpose(rows);
            LISSOM_UNROLL
            for (int32_t i = 0; i < LISSOM_LANES; ++i) {
                if (first + i < pixels) {
                    lissom_store_bytes(y + (first + i) * step + o * 4, rows[i], n * 4);
                }
            }
        }
    }
}

/* The channels of pixels, which begin where `from` says: for each, all pixels. */
static inline void interleave(const uint8_t *const *from, int32_t channels, int32_t pixels, uint8_t *to)
{
    for (int32_t first = 0; first < pixels; first += LISSOM_LANES) {
        for (int32_t c = 0; c < channels; c += LISSOM_LANES) {
            const int32_t n = lissom_smaller(LISSOM_LANES, channels - c);
            lissom_vi rows[LISSOM_LANES];
            LISSOM_UNROLL
            for (int32_t i = 0; i < LISSOM_LANES; ++i) { /* past the last pixel that one again */
                rows[i] = lissom_load_bytes(from[lissom_smaller(first + i, pixels - 1)] + c * 4, n * 4);
            }
            lissom_transpose(rows);
            LISSOM_UNROLL
            for (int32_t i = 0; i < LISSOM_LANES; ++i) {
                if (i < n) {
                    lissom_vi_store(to + (size_t)(c + i) * ROW + first * 4, rows[i]);
                }
            }
        }
    }
}

static inline void sparse_border(const sparse_params *q, uint8_t *border)
{
    memset(border, 0, (size_t)q->conv.in_channels * 4);
}

#include "lissom_sparse_conv.h"

void LISSOM_KERNEL(const lissom_sparse_f32_params *q, const float *x, const uint8_t *w, float *y, void *scratch)
{
    convolve(q, (const void *)x, w, (void *)y, scratch);
}

LISSOM_LEVEL_END
