/* Products of two activations of signed bytes, as a convolution computes them: rows of a are its columns, and columns of b
 * its output channels, packed as its weights are (lissom_pairs_m55.h). Sums are of the bytes as they are; what zero points
 * add to them follows from the sums of rows and of columns. */
#define LISSOM_ADDENDS
#include "lissom_matmul.h"
#include "lissom_pairs_m55.h"

/* The sum of a patch: `whole` vectors that are `apart` bytes from each other, and n bytes at `rest`. */
static inline int32_t sum_of(const uint8_t *x, int32_t whole, int32_t apart, const uint8_t *rest, int32_t n)
{
    int32_t sum = 0;
    __asm__ volatile("wls lr, %[whole], 2f\n"
                     "1: vldrb.u8 q0, [%[x]]\n"
                     "add %[x], %[apart]\n"
                     "vaddva.s8 %[sum], q0\n"
                     "le lr, 1b\n"
                     "2: vctp.8 %[n]\n"
                     "vpstt\n"
                     "vldrbt.u8 q0, [%[rest]]\n"
                     "vaddvat.s8 %[sum], q0\n"
                     : [sum] "+Te"(sum), [x] "+r"(x)
                     : [whole] "r"(whole), [apart] "r"(apart), [rest] "r"(rest), [n] "r"(n)
                     : "q0", "lr", "cc", "memory");
    return sum;
}

/* A column of b, whose bytes lie together: `whole` vectors to places 64 bytes apart, and n bytes to `rest`. */
static inline void pack(uint8_t *to, const uint8_t *x, int32_t whole, uint8_t *rest, int32_t n)
{
    __asm__ volatile("wls lr, %[whole], 2f\n"
                     "1: vldrb.u8 q0, [%[x]], #16\n"
                     "vstrb.8 q0, [%[to]], #64\n"
                     "le lr, 1b\n"
                     "2: vctp.8 %[n]\n"
                     "vpstt\n"
                     "vldrbt.u8 q0, [%[x]]\n"
                     "vstrbt.8 q0, [%[rest]]\n"
                     : [to] "+r"(to), [x] "+r"(x)
                     : [whole] "r"(whole), [rest] "r"(rest), [n] "r"(n)
                     : "q0", "lr", "cc", "memory");
}

/* A row of b, whose n bytes lie together: to places `step` bytes apart in each four columns, which take `four` bytes. */
static inline void spread(uint8_t *to, const uint8_t *x, int32_t step, int32_t four, int32_t n)
{
    const uint16x8_t i = vidupq_n_u16(0, 1);
    const uint16x8_t places = vmlaq_n_u16(vmulq_n_u16(vshrq_n_u16(i, 2), (uint16_t)four), vandq_u16(i, vdupq_n_u16(3)),
                                          (uint16_t)step);
    const int32_t on = 2 * four;
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

void LISSOM_KERNEL(const lissom_matmul_q8_params *q, const uint8_t *a, const uint8_t *b, const int32_t *b_zero,
                   const float *multiplier, const int32_t *c, uint8_t *y, void *scratch)
{
    (void)c;
    const lissom_matmul_params *const p = &q->matmul;
    const int32_t za = q->a.zero - q->a.flip;
    const int32_t zb = b_zero[0] - q->b_flip;
    const int32_t whole = p->k / 16;
    const int32_t rest = p->k % 16;
    const int32_t four = bytes_of_four(p->k);
    int32_t *const of_rows = scratch;
    uint8_t *const packed = (uint8_t *)(of_rows + (p->m + 1) / 2 * 2);
    for (int32_t batch = 0; batch < lissom_matmul_batches(p); ++batch) {
        const uint8_t *const left = a + lissom_matmul_offset(p, batch, p->a_batch);
        const uint8_t *const right = b + lissom_matmul_offset(p, batch, p->b_batch);
        for (int32_t k = 0; p->b_k != 1 && k < p->k; ++k) {
            const int32_t at = k < whole * 16 ? k / 16 * 64 + k % 16 : whole * 64 + k % 16;
            spread(packed + 32 + at, right + k * p->b_k, k < whole * 16 ? 16 : rest, four, p->n);
        }
        for (int32_t j = 0; j < p->n; ++j) {
            uint8_t *const own = packed + j / 4 * four + 4 * (j % 4);
            uint8_t *const first = packed + j / 4 * four + 32 + 16 * (j % 4);
            uint8_t *const last = packed + j / 4 * four + 32 + 64 * whole + rest * (j % 4);
            if (p->b_k == 1) {
                pack(first, right + j * p->b_n, whole, last, rest);
            }
            const int32_t of_column = za * (zb * p->k - sum_of(first, whole, 64, last, rest));
            memcpy(own, &of_column, 4);
            memcpy(own + 16, multiplier, 4);
        }
        for (int32_t i = 0; i < p->m; ++i) {
            const uint8_t *const row = left + i * p->a_m;
            of_rows[i] = -zb * sum_of(row, whole, 16, row + 16 * whole, rest);
        }
        if (p->m == 1) { /* a single row is there twice */
            of_rows[1] = of_rows[0];
        }
        columns(q->y.zero, left, p->a_m, p->k, packed, of_rows, y + lissom_matmul_offset(p, batch, p->y_batch), p->y_m,
                p->m, p->n);
    }
}

LISSOM_LEVEL_END
