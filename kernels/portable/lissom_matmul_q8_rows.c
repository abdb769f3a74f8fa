#include "lissom_dot.h"
#include "lissom_matmul.h"

/* b is packed (N, K), int8 with zero point 0, and the same for all of the batch; scratch holds up to four centred rows
 * of a, 4 * k int16. */
void lissom_matmul_q8_rows(const lissom_matmul_q8_params *q, const uint8_t *a, const uint8_t *b, const int32_t *b_zero,
                           const float *multiplier, const int32_t *c, uint8_t *y, void *scratch)
{
    const lissom_matmul_params *const p = &q->matmul;
    int16_t *const rows = scratch;
    (void)b_zero;
    for (int32_t i0 = 0; i0 < p->m; i0 += LISSOM_DOT_ROWS) {
        const int32_t count = lissom_smaller(LISSOM_DOT_ROWS, p->m - i0);
        for (int32_t i = 0; i < count; ++i) {
            for (int32_t k = 0; k < p->k; ++k) {
                const uint8_t byte = a[(i0 + i) * p->a_m + k * p->a_k];
                rows[i * p->k + k] = (int16_t)lissom_centred(byte, q->a.flip, q->a.zero);
            }
        }
        for (int32_t j = 0; j < p->n; ++j) {
            const int8_t *const w = (const int8_t *)b + j * p->k;
            const float scale = multiplier[j * q->multiplier_stride];
            int32_t sums[LISSOM_DOT_ROWS];
            if (count == LISSOM_DOT_ROWS) {
                lissom_dot_4(rows, w, p->k, sums);
            } else {
                for (int32_t i = 0; i < count; ++i) {
                    sums[i] = lissom_dot_1(rows + i * p->k, w, p->k);
                }
            }
            for (int32_t i = 0; i < count; ++i) {
                const int32_t bias = c ? c[(i0 + i) * p->c_m + j * p->c_n] : 0;
                y[(i0 + i) * p->y_m + j] = lissom_requantize(sums[i] + bias, scale, &q->y);
            }
        }
    }
}
