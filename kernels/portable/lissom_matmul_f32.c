#include "lissom_matmul.h"

static void tile(const lissom_matmul_params *p, const float *a, const float *b, int32_t rows, int32_t columns,
                 float acc[][LISSOM_MATMUL_COLUMNS])
{
    for (int32_t k = 0; k < p->k; ++k) {
        const float *const from = b + k * p->b_k;
        for (int32_t i = 0; i < rows; ++i) {
            const float v = a[i * p->a_m + k * p->a_k];
            if (p->b_n == 1) {
                for (int32_t j = 0; j < columns; ++j) {
                    acc[i][j] += v * from[j];
                }
            } else {
                for (int32_t j = 0; j < columns; ++j) {
                    acc[i][j] += v * from[j * p->b_n];
                }
            }
        }
    }
}

void lissom_matmul_f32(const lissom_matmul_params *p, const float *a, const float *b, const float *c, float *y,
                    void *scratch)
{
    (void)scratch; /* for variants that rearrange an operand */
    const int32_t batches = lissom_matmul_batches(p);
    for (int32_t batch = 0; batch < batches; ++batch) {
        const int32_t ia = lissom_matmul_offset(p, batch, p->a_batch);
        const int32_t ib = lissom_matmul_offset(p, batch, p->b_batch);
        const int32_t iy = lissom_matmul_offset(p, batch, p->y_batch);
        for (int32_t i0 = 0; i0 < p->m; i0 += LISSOM_MATMUL_ROWS) {
            const int32_t rows = lissom_smaller(LISSOM_MATMUL_ROWS, p->m - i0);
            for (int32_t j0 = 0; j0 < p->n; j0 += LISSOM_MATMUL_COLUMNS) {
                const int32_t columns = lissom_smaller(LISSOM_MATMUL_COLUMNS, p->n - j0);
                float acc[LISSOM_MATMUL_ROWS][LISSOM_MATMUL_COLUMNS] = {{0.0f}};
                tile(p, a + ia + i0 * p->a_m, b + ib + j0 * p->b_n, rows, columns, acc);
                for (int32_t i = 0; i < rows; ++i) {
                    float *const to = y + iy + (i0 + i) * p->y_m + j0;
                    for (int32_t j = 0; j < columns; ++j) {
                        const float scaled = p->alpha * acc[i][j];
                        to[j] = c ? scaled + p->beta * c[(i0 + i) * p->c_m + (j0 + j) * p->c_n] : scaled;
                    }
                }
            }
        }
    }
}
