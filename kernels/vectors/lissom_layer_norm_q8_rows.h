/* Layer normalization of rows of bytes, which are unsigned on x86, signed on Arm. The sums over a row are of bytes and their squares as they are; what
 * the zero point takes off them is known at the end. */
#include "lissom_finish_q8.h"
#include "lissom_norm_q8.h"

#include <math.h>

void LISSOM_KERNEL(const lissom_layer_norm_q8_params *p, const uint8_t *x, const float *scale, const float *bias,
                   uint8_t *y)
{
    const lissom_finish_q8 f = lissom_finish_q8_of(&p->y, NULL);
    const int32_t n = p->n;
    const int32_t zero = p->x.zero - p->x.flip;
    for (int32_t row = 0; row < p->rows; ++row, x += n, y += n) {
        lissom_vi sums = lissom_vi_set(0);
        lissom_vi squares = lissom_vi_set(0);
        for (int32_t i = 0; i < n; i += LISSOM_LANES) {
            const lissom_vi some = lissom_vi_bytes(x + i, lissom_smaller(LISSOM_LANES, n - i));
            sums = lissom_vi_add(sums, some);
            squares = lissom_vi_add(squares, lissom_vi_pairs(some, some));
        }
        const int32_t total = lissom_vi_sum(sums);
        const int32_t sum = total - n * zero;
        const int64_t square = (int64_t)lissom_vi_sum(squares) - 2 * (int64_t)zero * total + (int64_t)n * zero * zero;
        const int64_t variance = n * square - (int64_t)sum * sum;
        const lissom_vf inverse = lissom_vf_set(1.0f / sqrtf((float)variance + p->spread));
        const lissom_vi offset = lissom_vi_set(n * zero + sum);
        for (int32_t i = 0; i < n; i += 4 * LISSOM_LANES) {
            lissom_vi values[4];
            uint8_t bytes[4 * LISSOM_LANES];
            LISSOM_UNROLL
            for (int32_t j = 0; j < 4; ++j) {
                const int32_t at = i + j * LISSOM_LANES;
                const int32_t some = lissom_smaller(LISSOM_LANES, n - at);
                values[j] = lissom_vi_set(0);
                if (some > 0) {
                    const lissom_vi u = lissom_vi_mul(lissom_vi_bytes(x + at, some), lissom_vi_set(n));
                    const lissom_vf deviation = lissom_vf_of(lissom_vi_sub(u, offset));
                    lissom_vf v = lissom_vf_mul(lissom_vf_mul(deviation, inverse), lissom_vf_load_n(scale + at, some));
                    v = bias ? lissom_vf_add(v, lissom_vf_load_n(bias + at, some)) : v;
                    values[j] = lissom_vi_round(lissom_vf_min(v, f.high));
                }
            }
            lissom_finish_q8_pack(&f, values, bytes);
            if (n - i >= 4 * LISSOM_LANES) {
                memcpy(y + i, bytes, sizeof bytes);
            } else {
                memcpy(y + i, bytes, (size_t)(n - i));
            }
        }
    }
}

LISSOM_LEVEL_END
