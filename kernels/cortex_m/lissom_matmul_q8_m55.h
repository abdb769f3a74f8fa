/* Products of two activations of signed bytes: each row of a with four columns of b at once. Columns of b that do not lie
 * together are copied so. Sums are of the bytes as they are; what zero points add to them follows from the sums of rows and
 * of columns. */
#include "lissom_matmul.h"

/* The sum of n bytes. */
static inline int32_t sum_of(const uint8_t *x, int32_t n)
{
    int32_t sum = 0;
    __asm__ volatile("wlstp.8 lr, %[n], 2f\n"
                     "1: vldrb.u8 q0, [%[x]], #16\n"
                     "vaddva.s8 %[sum], q0\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [sum] "+Te"(sum), [x] "+r"(x)
                     : [n] "r"(n)
                     : "q0", "lr", "cc", "memory");
    return sum;
}

/* n bytes that lie together to places `step` bytes apart. */
static inline void turn(uint8_t *to, int32_t step, const uint8_t *x, int32_t n)
{
    const uint16x8_t places = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)step);
    const int32_t on = 8 * step;
    __asm__ volatile("wlstp.16 lr, %[n], 2f\n"
                     "1: vldrb.u16 q0, [%[x]], #8\n"
                     "vstrb.16 q0, [%[to], %q[places]]\n"
                     "add %[to], %[on]\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [to] "+r"(to), [x] "+l"(x)
                     : [n] "r"(n), [on] "r"(on), [places] "w"(places)
                     : "q0", "lr", "cc", "memory");
}

/* The dot products of a row with four columns. */
static inline int32x4_t dots(const uint8_t *a, const uint8_t *const *b, int32_t k)
{
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    const uint8_t *b0 = b[0];
    const uint8_t *b1 = b[1];
    const uint8_t *b2 = b[2];
    const uint8_t *b3 = b[3];
    __asm__ volatile("wlstp.8 lr, %[k], 2f\n"
                     "1: vldrb.u8 q0, [%[a]], #16\n"
                     "vldrb.u8 q1, [%[b0]], #16\n"
                     "vmladava.s8 %[s0], q0, q1\n"
                     "vldrb.u8 q1, [%[b1]], #16\n"
                     "vmladava.s8 %[s1], q0, q1\n"
                     "vldrb.u8 q1, [%[b2]], #16\n"
                     "vmladava.s8 %[s2], q0, q1\n"
                     "vldrb.u8 q1, [%[b3]], #16\n"
                     "vmladava.s8 %[s3], q0, q1\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [a] "+r"(a), [b0] "+r"(b0), [b1] "+r"(b1), [b2] "+r"(b2), [b3] "+r"(b3), [s0] "+Te"(s0),
                       [s1] "+Te"(s1), [s2] "+Te"(s2), [s3] "+Te"(s3)
                     : [k] "r"(k)
                     : "q0", "q1", "lr", "cc", "memory");
    const int32x4_t sums = {s0, s1, s2, s3};
    return sums;
}

void LISSOM_KERNEL(const lissom_matmul_q8_params *q, const uint8_t *a, const uint8_t *b, const int32_t *b_zero,
                   const float *multiplier, const int32_t *c, uint8_t *y, void *scratch)
{
    (void)c;
    const lissom_matmul_params *const p = &q->matmul;
    const int32_t za = q->a.zero - q->a.flip;
    const int32_t zb = b_zero[0] - q->b_flip;
    int32_t *const of_columns = scratch;
    uint8_t *const turned = (uint8_t *)(of_columns + (p->n + 3) / 4 * 4);
    for (int32_t batch = 0; batch < lissom_matmul_batches(p); ++batch) {
        const uint8_t *const left = a + lissom_matmul_offset(p, batch, p->a_batch);
        const uint8_t *right = b + lissom_matmul_offset(p, batch, p->b_batch);
        uint8_t *const to = y + lissom_matmul_offset(p, batch, p->y_batch);
        int32_t column = p->b_n;
        if (p->b_k != 1) {
            for (int32_t k = 0; k < p->k; ++k) {
                turn(turned + k, p->k, right + k * p->b_k, p->n);
            }
            right = turned;
            column = p->k;
        }
        for (int32_t j = 0; j < p->n; ++j) {
            of_columns[j] = za * (zb * p->k - sum_of(right + j * column, p->k));
        }
        for (int32_t i = 0; i < p->m; ++i) {
            const uint8_t *const row = left + i * p->a_m;
            const int32_t of_row = -zb * sum_of(row, p->k);
            for (int32_t j = 0; j < p->n; j += 4) {
                const int32_t last = p->n - 1 - j;
                const uint8_t *const first = right + j * column;
                const uint8_t *const columns[4] = {first, first + lissom_smaller(1, last) * column,
                                                   first + lissom_smaller(2, last) * column,
                                                   first + lissom_smaller(3, last) * column};
                const int32x4_t sums = vaddq_n_s32(vaddq_s32(dots(row, columns, p->k), vld1q_s32(of_columns + j)), of_row);
                float32x4_t v = vcvtq_f32_s32(sums);
                v = vmulq_n_f32(v, multiplier[0]);
                int32x4_t values = vcvtnq_s32_f32(v);
                __asm__ volatile("vqmovnb.s32 %q[v], %q[v]\n"
                                 "vqadd.s16 %q[v], %q[v], %[zero]\n"
                                 "vqmovnb.s16 %q[v], %q[v]\n"
                                 "vctp.32 %[n]\n"
                                 "vpst\n"
                                 "vstrbt.32 %q[v], [%[y]]\n"
                                 : [v] "+w"(values)
                                 : [zero] "r"(q->y.zero), [n] "r"(last + 1), [y] "l"(to + i * p->y_m + j)
                                 : "memory");
            }
        }
    }
}

LISSOM_LEVEL_END
