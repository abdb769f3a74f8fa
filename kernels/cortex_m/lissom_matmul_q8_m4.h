/* Products of two activations of signed bytes: rows of a become columns, four at a time, and columns of b what weights of a
 * convolution are, some at a time.
 *
 * Of sum (a - za)(b - zb) = sum a b - za sum b - zb sum a + k za zb, what is the same for all rows is a bias. The sum of a
 * row, negative, is one word more in its column, in four parts, which weights zb meet. */
#include "lissom_columns_sums.h"
#include "lissom_matmul.h"

/* Columns of b at once. */
#define BLOCK 32

/* The sum of four signed bytes. */
static inline int32_t bytes_onto(int32_t sum, uint32_t word)
{
    const uint32_t even = lissom_even_bytes(word);
    const uint32_t odd = lissom_odd_bytes(word);
    const uint32_t ones = 0x00010001u;
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(even), "r"(ones));
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(odd), "r"(ones));
    return sum;
}

/* The sum of k bytes. */
static int32_t sum_of(const uint8_t *x, int32_t k)
{
    int32_t sum = 0;
    for (int32_t i = 4; i <= k; i += 4, x += 4) {
        sum = bytes_onto(sum, lissom_word(x));
    }
    for (int32_t i = 0; i < (k & 3); ++i) {
        sum += (int8_t)x[i];
    }
    return sum;
}

/* The bytes of four words: word i of the result has byte i of each. */
static inline void turn(uint32_t *w)
{
    const uint32_t low = 0x00ff00ffu;
    const uint32_t a = (w[0] & low) | (w[1] & low) << 8;
    const uint32_t b = (w[0] >> 8 & low) | (w[1] & ~low);
    const uint32_t c = (w[2] & low) | (w[3] & low) << 8;
    const uint32_t d = (w[2] >> 8 & low) | (w[3] & ~low);
    w[0] = (a & 0xffffu) | c << 16;
    w[1] = (b & 0xffffu) | d << 16;
    w[2] = a >> 16 | (c & 0xffff0000u);
    w[3] = b >> 16 | (d & 0xffff0000u);
}

/* n columns of b to `panel` bytes each: k bytes of each, wherever they are, and in bytes[] their sums. */
static void columns_of(const lissom_matmul_params *p, const uint8_t *b, int32_t n, uint8_t *to, int32_t panel, int32_t *sums)
{
    const int32_t whole = p->k & ~3;
    int32_t j = 0;
    for (; p->b_k == 1 && j < n; ++j) {
        memcpy(to + j * panel, b + j * p->b_n, (size_t)p->k);
        sums[j] = sum_of(to + j * panel, p->k);
    }
    for (; p->b_n == 1 && j + 4 <= n; j += 4) {
        int32_t sum[4] = {0};
        uint8_t *const at = to + j * panel;
        const uint8_t *from = b + j;
        for (int32_t k = 0; k < whole; k += 4, from += 4 * p->b_k) {
            uint32_t w[4] = {lissom_word(from), lissom_word(from + p->b_k), lissom_word(from + 2 * p->b_k),
                             lissom_word(from + 3 * p->b_k)};
            turn(w);
            for (int32_t i = 0; i < 4; ++i) {
                memcpy(at + i * panel + k, &w[i], 4);
                sum[i] = bytes_onto(sum[i], w[i]);
            }
        }
        for (int32_t i = 0; i < 4; ++i) {
            for (int32_t k = whole; k < p->k; ++k) {
                at[i * panel + k] = b[k * p->b_k + j + i];
                sum[i] += (int8_t)at[i * panel + k];
            }
            sums[j + i] = sum[i];
        }
    }
    for (; j < n; ++j) {
        for (int32_t k = 0; k < p->k; ++k) {
            to[j * panel + k] = b[k * p->b_k + j * p->b_n];
        }
        sums[j] = sum_of(to + j * panel, p->k);
    }
}

/* What is behind the whole words of a column, as columns have it, and the word that meets the sum of a row. */
static void finish_columns(int32_t k, int32_t n, int32_t zero, uint8_t *to, int32_t panel, int32_t bytes)
{
    const int32_t rest = k & 3;
    const int32_t at = (k + 3) / 4 * 4;
    for (int32_t j = 0; j < n; ++j, to += panel) {
        if (rest != 0 && k > 4) { /* the last bytes are read together with some before them */
            for (int32_t i = rest; i-- > 0;) {
                to[at - rest + i] = to[at - 4 + i];
            }
            memset(to + at - 4, 0, (size_t)(4 - rest));
        } else if (rest != 0) {
            memset(to + k, 0, (size_t)(4 - rest));
        }
        memset(to + at, zero, 4);
        memset(to + at + 4, 0, (size_t)(bytes - at - 4));
    }
}

/* The columns of up to four rows of a. */
static void rows_of(const lissom_matmul_params *p, const uint8_t *a, int32_t held, uint8_t *columns)
{
    const int32_t words = (p->k + 3) / 4;
    if (held == 4 && p->k >= 4) {
        columns_abreast(a, p->a_m, columns, p->k);
    }
    for (int32_t i = 0; i < held; ++i) {
        const uint8_t *const row = a + i * p->a_m;
        if (held < 4 || p->k < 4) {
            columns_one(row, p->k, columns + 4 * i);
        }
        const int32_t sum = -sum_of(row, p->k);
        const int32_t part = sum / 4;
        const uint32_t even = ((uint32_t)part & 0xffffu) * 0x10001u;
        const uint32_t odd = ((uint32_t)part & 0xffffu) | (uint32_t)(sum - 3 * part) << 16;
        memcpy(columns + words * COLUMNS_STEP + 4 * i, &even, 4);
        memcpy(columns + words * COLUMNS_STEP + 4 * i + 4 * LISSOM_PIXELS, &odd, 4);
    }
}

void LISSOM_KERNEL(const lissom_matmul_q8_params *q, const uint8_t *a, const uint8_t *b, const int32_t *b_zero,
                   const float *multiplier, const int32_t *c, uint8_t *y, void *scratch)
{
    (void)c;
    const lissom_matmul_params *const p = &q->matmul;
    const int32_t za = q->a.zero - 128;
    const int32_t zb = b_zero[0] - 128;
    const int32_t eights = ((p->k + 3) / 4 + 2) / 2;
    const int32_t panel = PANEL(eights);
    uint8_t *const columns = scratch;
    uint8_t *const panels = columns + eights * 2 * COLUMNS_STEP;
    memset(columns + (eights * 2 - 1) * COLUMNS_STEP, 0, COLUMNS_STEP); /* the last four may not be there */
    for (int32_t batch = 0; batch < lissom_matmul_batches(p); ++batch) {
        const uint8_t *const left = a + lissom_matmul_offset(p, batch, p->a_batch);
        const uint8_t *const right = b + lissom_matmul_offset(p, batch, p->b_batch);
        uint8_t *const to = y + lissom_matmul_offset(p, batch, p->y_batch);
        for (int32_t first = 0; first < p->n; first += BLOCK) {
            const int32_t n = lissom_smaller(BLOCK, p->n - first);
            int32_t sums[BLOCK];
            columns_of(p, right + first * p->b_n, n, panels + 8, panel, sums);
            finish_columns(p->k, n, zb, panels + 8, panel, 8 * eights);
            for (int32_t j = 0; j < n; ++j) {
                const int32_t bias = za * (p->k * zb - sums[j]);
                memcpy(panels + j * panel, &bias, 4);
                memcpy(panels + j * panel + 4, multiplier, 4);
            }
            for (int32_t i = 0; i < p->m; i += 4) {
                const int32_t held = lissom_smaller(4, p->m - i);
                uint8_t *const begin = to + i * p->y_m + first;
                columns_outputs o = columns_outputs_of(eights, held, p->y_m, q->y.zero, begin + n);
                rows_of(p, left + i * p->a_m, held, columns);
                compute(columns, panels, begin, &o);
            }
        }
    }
}

LISSOM_LEVEL_END
