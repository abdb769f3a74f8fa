/* What softmax of bytes does by other means on each instruction set: x is signed here. */
#ifndef LISSOM_EXPONENTIALS_H
#define LISSOM_EXPONENTIALS_H

/* The exponentials of n bytes, and their sum. There is no gather, so how far bytes are below the largest goes through memory. */
static inline int32_t exponentials(const uint8_t *x, int32_t n, int32_t top, const int32_t *table, int32_t *e)
{
    const uint8x16_t from = vdupq_n_u8((uint8_t)top);
    lissom_vi sums = lissom_vi_set(0);
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) {
        uint8_t below[16];
        vst1q_u8(below, vsubq_u8(from, vld1q_u8(x + i)));
        LISSOM_UNROLL
        for (int32_t k = 0; k < 16; ++k) {
            e[i + k] = table[below[k]];
        }
        LISSOM_UNROLL
        for (int32_t k = 0; k < 16; k += 4) {
            sums = lissom_vi_add(sums, lissom_vi_load(e + i + k));
        }
    }
    int32_t sum = lissom_vi_sum(sums);
    for (; i < n; ++i) {
        e[i] = table[(uint8_t)(top - x[i])];
        sum += e[i];
    }
    return sum;
}

static inline int32_t largest(const uint8_t *x, int32_t n)
{
    int8x16_t most = vdupq_n_s8(-128);
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) {
        most = vmaxq_s8(most, vld1q_s8((const int8_t *)x + i));
    }
    int32_t top = vmaxvq_s8(most);
    for (; i < n; ++i) {
        top = lissom_larger(top, (int8_t)x[i]);
    }
    return top;
}

#endif
