/* Softmax of rows of bytes that lie together, unsigned on x86, signed on Arm. */
#include "lissom_exponentials.h"
#include "lissom_finish_q8.h"
#include "lissom_norm_q8.h"

/* Exponentials that are kept; of a longer row they are looked up once more. */
#define KEPT 256

void LISSOM_KERNEL(const lissom_softmax_q8_params *p, const uint8_t *x, const int32_t *table, uint8_t *y)
{
    const lissom_finish_q8 f = lissom_finish_q8_of(&p->y, NULL);
    const int32_t n = p->n;
    int32_t e[KEPT + 3 * LISSOM_LANES];
    memset(e, 0, sizeof e);
    for (int32_t row = 0; row < p->outer; ++row, x += n, y += n) {
        const int32_t top = largest(x, n);
        int32_t sum = 0;
        for (int32_t i = 0; i < n; i += KEPT) {
            sum += exponentials(x + i, lissom_smaller(KEPT, n - i), top, table, e);
        }
        const lissom_vf multiplier = lissom_vf_set(1.0f / (p->y_scale * (float)sum));
        for (int32_t i = 0; i < n; i += KEPT) {
            const int32_t here = lissom_smaller(KEPT, n - i);
            if (n > KEPT) {
                (void)exponentials(x + i, here, top, table, e);
            }
            for (int32_t j = 0; j < here; j += 4 * LISSOM_LANES) {
                lissom_vi values[4];
                uint8_t bytes[4 * LISSOM_LANES];
                LISSOM_UNROLL
                for (int32_t k = 0; k < 4; ++k) {
                    const lissom_vi some = lissom_vi_load(e + j + k * LISSOM_LANES);
                    values[k] = lissom_finish_q8_round(&f, some, multiplier, NULL, 0);
                }
                lissom_finish_q8_pack(&f, values, bytes);
                if (here - j >= 4 * LISSOM_LANES) {
                    memcpy(y + i + j, bytes, sizeof bytes);
                } else {
                    memcpy(y + i + j, bytes, (size_t)(here - j));
                }
            }
        }
    }
}

LISSOM_LEVEL_END
