/* Mean of signed bytes in a window, channels last, a word of four channels at a time. */
#include "lissom_pool.h"

#include "lissom_finish_m4.h"

#define LISSOM_BLOCK 4
#define LISSOM_OVERLAP 1
typedef lissom_pool_q8_params pool_params;
typedef uint8_t element;
#define POOL_OF(q) (&(q)->pool)

/* Sums of 16 bits: bytes 0 and 2, and bytes 1 and 3. */
typedef struct {
    uint32_t even, odd;
} pooled;
#define POOL_START {0, 0}

static inline void take_row(pooled *sums, const element *at, int32_t taps, int32_t step, int32_t n)
{
    (void)n;
    for (int32_t i = 0; i < taps; ++i, at += step) {
        const uint32_t word = lissom_word(at);
        __asm__("sxtab16 %0, %0, %1" : "+r"(sums->even) : "r"(word));
        __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(sums->odd) : "r"(word));
    }
}

static inline void put(const pool_params *q, const pooled *sums, int32_t inside, int32_t count, element *y, int32_t n)
{
    (void)n;
    const int32_t zero = inside * (q->x.zero - q->x.flip);
    const float multiplier = q->x_scale / (q->y_scale * (float)count);
    const int32_t bytes[4] = {(int16_t)(sums->even & 0xffff), (int16_t)(sums->odd & 0xffff),
                              (int32_t)sums->even >> 16, (int32_t)sums->odd >> 16};
#define MEAN(i) lissom_to_byte((float)(bytes[i] - zero) * multiplier, q->y.zero)
    lissom_put_bytes(y, MEAN(0), MEAN(1), MEAN(2), MEAN(3));
}

#include "lissom_pool_walk.h"

void LISSOM_KERNEL(const lissom_pool_q8_params *q, const uint8_t *x, uint8_t *y) { pool(q, x, y); }

LISSOM_LEVEL_END
