/* Products of vectors of pixels with a weight, or a block of four, that all lanes have, added to sums that lie in
 * registers. Where dot products are of words, a vector of pixels is two of words, and a block two such weights. */
#ifndef LISSOM_SPARSE_SUMS_H
#define LISSOM_SPARSE_SUMS_H

#ifdef LISSOM_DOT_BYTES
static inline void lissom_sparse_block(lissom_vi *acc, const uint8_t *x, const uint8_t *weights, const int32_t vectors)
{
    LISSOM_UNROLL
    for (int32_t part = 0; part < LISSOM_DOT_BYTES; ++part) {
        const lissom_vi weight = lissom_vi_four(weights + 4 * part);
        LISSOM_UNROLL
        for (int32_t v = 0; v < vectors; ++v) {
            const uint8_t *const at = x + (v * LISSOM_DOT_BYTES + part) * LISSOM_LANES * 4;
            acc[v] = lissom_vi_dot(acc[v], lissom_vi_load(at), weight);
        }
    }
}
#endif

static inline void lissom_sparse_weight(lissom_vf *acc, const uint8_t *x, const uint8_t *weight, const int32_t vectors)
{
    float w;
    memcpy(&w, weight, 4);
    LISSOM_UNROLL
    for (int32_t v = 0; v < vectors; ++v) {
        const float *const at = (const float *)(const void *)(x + v * LISSOM_LANES * 4);
        acc[v] = lissom_vf_fma(lissom_vf_set(w), lissom_vf_load(at), acc[v]);
    }
}

#endif
