#include "lissom_matmul.h"

static void tile(const lissom_matmul_q8_params *q, const uint8_t *a, const uint8_t *b, const int32_t *b_zero,
                 int32_t rows, int32_t columns, int32_t acc[][LISSOM_MATMUL_COLUMNS])
{
    const lissom_matmul_params *const p = &q->matmul;
    int32_t zero[LISSOM_MATMUL_COLUMNS];
    for (int32_t j = 0; j < columns; ++j) {
        zero[j] = b_zero[j * q->b_zero_stride];
    }
    for (int32_t k = 0; k < p->k; ++k) {
        const uint8_t *const from = b + k * p->b_k;
        for (int32_t i = 0; i < rows; ++i) {
            const int32_t v = lissom_centred(a[i * p->a_m + k * p->a_k], q->a.flip, q->a.zero);
            if (p->b_n == 1) {
                for (int32_t j = 0; j < columns; ++j) {
                    acc[i][j] += v * lissom_centred(from[j], q->b_flip, zero[j]);
                }
            } else {
                for (int32_t j = 0; j < columns; ++j) {
                    acc[i][j] += v * lissom_centred(from[j * p->b_n], q->b_flip, zero[j]);
                }
            }
        }
    }
}

void lissom_matmul_q8(const lissom_matmul_q8_params *q, const uint8_t *a, const uint8_t *b, const int32_t *b_zero,
                      const float *multiplier, const int32_t *c, uint8_t *y, void *scratch)
{
    (void)scratch; /* for variants that rearrange an operand */
    const lissom_matmul_params *const p = &q->matmul;
    const int32_t batches = lissom_matmul_batches(p);
    for (int32_t batch = 0; batch < batches; ++batch) {
        const int32_t ia = lissom_matmul_offset(p, batch, p->a_batch);
        const int32_t ib = lissom_matmul_offset(p, batch, p->b_batch);
        const int32_t iy = lissom_matmul_offset(p, batch, p->y_batch);
        for (int32_t i0 = 0; i0 < p->m; i0 += LISSOM_MATMUL_ROWS) {
            const int32_t rows = lissom_smaller(LISSOM_MATMUL_ROWS, p->m - i0);
            for (int32_t j0 = 0; j0 < p->n; j0 += LISSOM_MATMUL_COLUMNS) {
                const int32_t columns = lissom_smaller(LISSOM_MATMUL_COLUMNS, p->n - j0);
                int32_t acc[LISSOM_MATMUL_ROWS][LISSOM_MATMUL_COLUMNS];
                for (int32_t i = 0; i < rows; ++i) {
                    for (int32_t j = 0; j < columns; ++j) {
                        acc[i][j] = c ? c[(i0 + i) * p->c_m + (j0 + j) * p->c_n] : 0;
                    }
                }
                tile(q, a + ia + i0 * p->a_m, b + ib + j0 * p->b_n, b_zero + j0 * q->b_zero_stride, rows, columns, acc);
                for (int32_t i = 0; i < rows; ++i) {
                    uint8_t *const to = y + iy + (i0 + i) * p->y_m + j0;
                    for (int32_t j = 0; j < columns; ++j) {
                        to[j] = lissom_requantize(acc[i][j], multiplier[(j0 + j) * q->multiplier_stride], &q->y);
                    }
                }
            }
        }
    }
}
