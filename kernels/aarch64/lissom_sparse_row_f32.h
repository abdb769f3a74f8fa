/* A sparse matrix of floats times vectors (lissom_sparse_row.h), by single weights. */
#include "lissom_sparse.h"

typedef lissom_sparse_f32_params row_params;
typedef lissom_vf row_sum;
#define ROW_ELEMENT 4
#define ROW_HEAD 1 /* bias */

static inline row_sum row_load(const uint8_t *p) { return lissom_vf_load(p); }

static inline row_sum row_step(row_sum acc, int8x16_t x, int8x16_t w)
{
    return lissom_vf_fma(vreinterpretq_f32_s8(x), vreinterpretq_f32_s8(w), acc);
}

/* The results of n channels. */
LISSOM_INLINE void row_finish(const row_params *q, const row_sum *acc, const uint8_t *head, uint8_t *y, int32_t n)
{
    (void)head;
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
        const lissom_vf above = lissom_vf_max(acc[v], lissom_vf_set(q->conv.low));
        const int32_t some = lissom_smaller(LISSOM_LANES, n - v * LISSOM_LANES);
        if (some > 0) {
            float *const to = (float *)(void *)y + v * LISSOM_LANES;
            lissom_vf_store_n(to, lissom_vf_min(above, lissom_vf_set(q->conv.high)), some);
        }
    }
}

#include "lissom_sparse_row.h"

void LISSOM_KERNEL(const lissom_sparse_f32_params *q, const float *x, const uint8_t *w, float *y, void *scratch)
{
    multiply(q, (const void *)x, w, (void *)y, scratch);
}

LISSOM_LEVEL_END
