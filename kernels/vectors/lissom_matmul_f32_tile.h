/* Products of floats by tiles. */
#include "lissom_matmul.h"

typedef lissom_matmul_params tile_params;
typedef lissom_vf tile_sum;
#define COLUMNS (LISSOM_VECTORS * LISSOM_LANES)
#define TILE_ELEMENT 4
#define TILE_HEAD 0
#define TILE_MATMUL(p) (p)

static inline int32_t tile_depth(const tile_params *p) { return p->k * 4; }
static inline int32_t tile_step(const tile_params *p) { return p->a_m * 4; }

static inline const uint8_t *tile_rows(const tile_params *p, const uint8_t *a, uint8_t *scratch, const int32_t **first)
{
    (void)p;
    (void)scratch;
    (void)first;
    return a;
}

static inline void tile_pack(const tile_params *p, const uint8_t *b, int32_t columns, int32_t j, uint8_t *panel)
{
    const float *const from = (const void *)b;
    float *const to = (void *)panel;
    (void)j;
    if (p->b_n == 1) {
        for (int32_t k = 0; k < p->k; ++k) {
            LISSOM_UNROLL
            for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
                const int32_t n = lissom_smaller(columns - v * LISSOM_LANES, LISSOM_LANES);
                if (n > 0) {
                    const lissom_vf row = lissom_vf_load_n(from + k * p->b_k + v * LISSOM_LANES, n);
                    lissom_vf_store_n(to + k * COLUMNS + v * LISSOM_LANES, row, LISSOM_LANES);
                }
            }
        }
        return;
    }
    for (int32_t c = 0; c < columns; ++c) {
        for (int32_t k = 0; k < p->k; ++k) {
            to[k * COLUMNS + c] = from[c * p->b_n + k * p->b_k];
        }
    }
}

static inline tile_sum tile_start(const uint8_t *panel, int32_t v, const int32_t *first, int32_t m)
{
    (void)panel;
    (void)v;
    (void)first;
    (void)m;
    return lissom_vf_set(0.0f);
}

static inline tile_sum tile_load(const uint8_t *w) { return lissom_vf_load(w); }
static inline tile_sum tile_group(const uint8_t *a)
{
    float v;
    memcpy(&v, a, 4);
    return lissom_vf_set(v);
}
static inline tile_sum tile_dot(tile_sum acc, tile_sum a, tile_sum w) { return lissom_vf_fma(a, w, acc); }

static inline void tile_finish(const tile_params *p, const uint8_t *panel, const tile_sum (*acc)[LISSOM_VECTORS],
                               uint8_t *y, int32_t columns)
{
    const lissom_vf alpha = lissom_vf_set(p->alpha);
    (void)panel;
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        float *const to = (float *)(void *)y + m * p->y_m;
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            const int32_t n = lissom_smaller(columns - v * LISSOM_LANES, LISSOM_LANES);
            if (n > 0) {
                lissom_vf_store_n(to + v * LISSOM_LANES, lissom_vf_mul(acc[m][v], alpha), n);
            }
        }
    }
}

#include "lissom_matmul_tile.h"

void LISSOM_KERNEL(const lissom_matmul_params *p, const float *a, const float *b, const float *c, float *y,
                   void *scratch)
{
    (void)c;
    products(p, (const void *)a, (const void *)b, (void *)y, scratch);
}

LISSOM_LEVEL_END
