/* A sparse matrix of int8 times vectors of int8 (lissom_sparse_row.h), by blocks of four. */
#include "lissom_finish_q8.h"
#include "lissom_sparse.h"

typedef lissom_sparse_q8_params row_params;
typedef lissom_vi row_sum;
#define ROW_ELEMENT 1
#define ROW_HEAD 2 /* bias, multiplier */

static inline row_sum row_load(const uint8_t *p) { return lissom_vi_load(p); }

#if LISSOM_PRODUCTS > 1
static inline row_sum row_step(row_sum acc, int8x16_t x, int8x16_t w) { return vdotq_s32(acc, x, w); }
#else
#include "lissom_pair_products.h"

static inline row_sum row_step(row_sum acc, int8x16_t x, int8x16_t w) { return add_products(acc, w, x); }
#endif

/* The results of n channels. */
LISSOM_INLINE void row_finish(const row_params *q, const row_sum *acc, const uint8_t *head, uint8_t *y, int32_t n)
{
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->y, NULL);
    uint8_t bytes[LISSOM_VECTORS * LISSOM_LANES];
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; v += 4) {
        lissom_vi values[4];
        LISSOM_UNROLL
        for (int32_t i = 0; i < 4; ++i) {
            const uint8_t *const multipliers = head + (LISSOM_VECTORS + v + i) * 16;
            values[i] = lissom_finish_q8_scaled(acc[v + i], lissom_vf_load(multipliers));
        }
        lissom_finish_q8_pack(&f, values, bytes + v * LISSOM_LANES);
    }
    memcpy(y, bytes, (size_t)n);
}

#include "lissom_sparse_row.h"

void LISSOM_KERNEL(const lissom_sparse_q8_params *q, const uint8_t *x, const uint8_t *w, uint8_t *y, void *scratch)
{
    multiply(q, x, w, y, scratch);
}

LISSOM_LEVEL_END
