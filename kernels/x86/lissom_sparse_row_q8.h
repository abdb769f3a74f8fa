/* A sparse matrix of int8 times vectors of uint8 (lissom_sparse_row.h), by blocks of four. */
#include "lissom_finish_q8.h"
#include "lissom_sparse.h"

typedef lissom_sparse_q8_params row_params;
typedef lissom_vi row_sum;
#define BYTES (LISSOM_LANES * 4)
#define ROW_ELEMENT 1
#define ROW_HEADS 2 /* bias, multiplier */
#define ROW_WEIGHTS (LISSOM_DOT_BYTES * BYTES)

static inline row_sum row_start(const uint8_t *biases) { return biases ? lissom_vi_load(biases) : lissom_vi_set(0); }
static inline row_sum row_add(row_sum a, row_sum b) { return lissom_vi_add(a, b); }

static inline row_sum row_step(row_sum acc, lissom_vi four, const uint8_t *w)
{
#if LISSOM_DOT_BYTES == 1
    return lissom_vi_dot(acc, four, lissom_vi_load(w));
#else
    acc = lissom_vi_dot(acc, lissom_vi_even_bytes(four), lissom_vi_load(w));
    return lissom_vi_dot(acc, lissom_vi_odd_bytes(four), lissom_vi_load(w + BYTES));
#endif
}

/* The results of n channels. */
static inline void row_finish(const row_params *q, row_sum sums, const uint8_t *multipliers, uint8_t *y, int32_t n)
{
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->y, NULL);
    const lissom_vf multiplier = lissom_vf_load((const float *)(const void *)multipliers);
    lissom_vi values[4] = {lissom_finish_q8_round(&f, sums, multiplier, NULL, LISSOM_LANES)};
    values[1] = values[2] = values[3] = values[0];
    uint8_t bytes[BYTES];
    lissom_finish_q8_pack(&f, values, bytes);
    memcpy(y, bytes, (size_t)n);
}

#include "lissom_sparse_row.h"

void LISSOM_KERNEL(const lissom_sparse_q8_params *q, const uint8_t *x, const uint8_t *w, uint8_t *y, void *scratch)
{
    multiply(q, x, w, y, scratch);
}

LISSOM_LEVEL_END
