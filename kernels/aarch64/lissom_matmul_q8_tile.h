/* Products of two activations by the tiles that convolutions have (lissom_conv_q8_tile.h): the columns of b that a tile is for
 * are packed into its panel as they come. With bytes and zero points that are signed,
 *
 *     sum (a - za) (b - zb) = sum a b - za sum b + zb (K za - sum a)
 *
 * The second term is one number a column, in the panel; the third one a row.
 *
 * Of the layer are known LISSOM_LENGTH, the bytes of a row of a, LISSOM_COPIED, whether tiles read copies of these with room
 * behind each, LISSOM_STEP, the bytes from one row to the next as tiles read them, and LISSOM_WHOLE, whether all panels are
 * full. */
#include "lissom_finish_q8.h"
#include "lissom_interleave.h"
#include "lissom_matmul.h"

typedef struct {
    const lissom_matmul_q8_params *p;
    int32_t b_zero;
    const float *multiplier;
} tile_params;
typedef lissom_vi tile_sum;
#define COLUMNS (LISSOM_VECTORS * LISSOM_LANES)
#define TILE_ELEMENT 1
#define TILE_HEAD 8
#define TILE_MATMUL(q) (&(q)->p->matmul)
#define DEPTH(q) ((LISSOM_LENGTH + 15) / 16 * 16)
#define STEP(q) LISSOM_STEP

static inline tile_sum tile_load(const uint8_t *p) { return lissom_vi_load(p); }

#include "lissom_weights.h"

#include "lissom_tile_sums.h"

#include "lissom_finish_q8_tile.h"

static inline int32_t a_zero(const tile_params *q) { return q->p->a.zero - q->p->a.flip; }

/* The sum of n bytes. */
static inline int32_t sum_of(const uint8_t *a, int32_t n)
{
    lissom_vi sums = lissom_vi_set(0);
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) {
        sums = vpadalq_s16(sums, vpaddlq_s8(vld1q_s8((const int8_t *)a + i)));
    }
    int32_t sum = lissom_vi_sum(sums);
    for (; i < n; ++i) {
        sum += (int8_t)a[i];
    }
    return sum;
}

static inline const uint8_t *tile_rows(const tile_params *q, const uint8_t *a, uint8_t *scratch, const int32_t **first)
{
    const lissom_matmul_params *const p = TILE_MATMUL(q);
    int32_t *const terms = (void *)scratch;
    uint8_t *const copies = scratch + 4 * p->m;
    for (int32_t m = 0; m < p->m; ++m) {
        const uint8_t *const row = a + m * p->a_m;
        terms[m] = q->b_zero * (LISSOM_LENGTH * a_zero(q) - sum_of(row, LISSOM_LENGTH));
        if (LISSOM_COPIED) {
            memcpy(copies + m * LISSOM_STEP, row, LISSOM_LENGTH);
        }
    }
    *first = terms;
    return LISSOM_COPIED ? copies : a;
}

/* Four vectors of four columns each, for four bytes each of them, from vector v of the panel on. */
LISSOM_INLINE void store_fours(const lissom_vi *fours, int32_t v, uint8_t *to)
{
    LISSOM_UNROLL
    for (int32_t i = 0; i < 4; ++i) {
        if (v + i < LISSOM_VECTORS) {
            lissom_vi_store(to + (v + i) * 16, fours[i]);
        }
    }
}

/* The panel of some columns: what their sums begin with, their multipliers, their elements. */
static inline void tile_pack(const tile_params *q, const uint8_t *b, int32_t columns, int32_t j, uint8_t *panel)
{
    const lissom_matmul_params *const p = TILE_MATMUL(q);
    uint8_t *const elements = panel + COLUMNS * TILE_HEAD;
    if (p->b_n == 1) { /* rows of b lie together */
        for (int32_t k = 0; k < LISSOM_LENGTH; k += 4) {
            for (int32_t c = 0; c < columns; c += 16) {
                lissom_vi rows[4];
                LISSOM_UNROLL
                for (int32_t i = 0; i < 4; ++i) {
                    rows[i] = k + i < LISSOM_LENGTH ? lissom_load_bytes(b + (k + i) * p->b_k + c, columns - c)
                                                    : lissom_vi_set(0);
                }
                lissom_lay_out_columns(rows);
                store_fours(rows, c / 4, elements + k * COLUMNS);
            }
        }
    } else { /* columns do */
        for (int32_t v = 0; v * 4 < columns; ++v) {
            for (int32_t k = 0; k < LISSOM_LENGTH; k += 16) {
                lissom_vi rows[4];
                LISSOM_UNROLL
                for (int32_t i = 0; i < 4; ++i) { /* past the last column that one again, which is not stored */
                    const int32_t column = lissom_smaller(v * 4 + i, columns - 1);
                    rows[i] = lissom_load_bytes(b + column * p->b_n + k, LISSOM_LENGTH - k);
                }
                lissom_lay_out(rows);
                LISSOM_UNROLL
                for (int32_t i = 0; i < 4; ++i) {
                    lissom_vi_store(elements + (k + 4 * i) * COLUMNS + v * 16, rows[i]);
                }
            }
        }
    }
    for (int32_t v = 0; v * 4 < columns; ++v) {
        lissom_vi sums = lissom_vi_set(0);
        for (int32_t k = 0; k < LISSOM_LENGTH; k += 4) {
            const int8x16_t some = vld1q_s8((const int8_t *)elements + k * COLUMNS + v * 16);
            sums = add_products(sums, some, vdupq_n_s8(1));
        }
        const int32_t n = lissom_smaller(4, columns - v * 4);
        lissom_vi_store(panel + v * 16, lissom_vi_mul(sums, lissom_vi_set(-a_zero(q))));
        lissom_vf_store_n((void *)(panel + COLUMNS * 4 + v * 16),
                          q->p->multiplier_stride ? lissom_vf_load_n(q->multiplier + j + v * 4, n)
                                                  : lissom_vf_set(*q->multiplier), 4);
    }
}

static inline void tile(const tile_params *q, const uint8_t *a, const int32_t *first, const uint8_t *panel, uint8_t *y,
                        int32_t columns)
{
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->p->y, NULL);
    tile_sum acc[LISSOM_ROWS][LISSOM_VECTORS];
    sums_start(acc, panel);
    (void)sums_run(acc, a, LISSOM_STEP, panel + COLUMNS * TILE_HEAD, LISSOM_LENGTH);
    sums_end(acc);
    LISSOM_UNROLL
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        const lissom_vi term = lissom_vi_set(first[m]);
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            acc[m][v] = lissom_vi_add(acc[m][v], term);
        }
    }
    lissom_finish_q8_tile(&f, panel + COLUMNS * 4, acc, NULL, y, TILE_MATMUL(q)->y_m, columns);
}

#include "lissom_matmul_walk.h"

void LISSOM_KERNEL(const lissom_matmul_q8_params *p, const uint8_t *a, const uint8_t *b, const int32_t *b_zero,
                   const float *multiplier, const int32_t *c, uint8_t *y, void *scratch)
{
    const tile_params q = {p, *b_zero - 128, multiplier};
    (void)c;
    products(&q, a, b, y, scratch);
}

LISSOM_LEVEL_END
