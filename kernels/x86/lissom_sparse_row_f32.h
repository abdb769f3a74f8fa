/* A sparse matrix of floats times vectors (lissom_sparse_row.h), by single weights. */
#include "lissom_sparse.h"

typedef lissom_sparse_f32_params row_params;
typedef lissom_vf row_sum;
#define BYTES (LISSOM_LANES * 4)
#define ROW_ELEMENT 4
#define ROW_HEADS 1 /* bias */
#define ROW_WEIGHTS BYTES

static inline row_sum row_start(const uint8_t *biases)
{
    return biases ? lissom_vf_load((const float *)(const void *)biases) : lissom_vf_set(0.0f);
}
static inline row_sum row_add(row_sum a, row_sum b) { return lissom_vf_add(a, b); }

static inline row_sum row_step(row_sum acc, lissom_vi four, const uint8_t *w)
{
    lissom_vf x;
    memcpy(&x, &four, sizeof x);
    return lissom_vf_fma(x, lissom_vf_load((const float *)(const void *)w), acc);
}

/* The results of n channels. */
static inline void row_finish(const row_params *q, row_sum sums, const uint8_t *behind, uint8_t *y, int32_t n)
{
    const lissom_vf above = lissom_vf_max(sums, lissom_vf_set(q->conv.low));
    (void)behind;
    lissom_vf_store_n((float *)(void *)y, lissom_vf_min(above, lissom_vf_set(q->conv.high)), n);
}

#include "lissom_sparse_row.h"

void LISSOM_KERNEL(const lissom_sparse_f32_params *q, const float *x, const uint8_t *w, float *y, void *scratch)
{
    multiply(q, (const void *)x, w, (void *)y, scratch);
}

LISSOM_LEVEL_END
