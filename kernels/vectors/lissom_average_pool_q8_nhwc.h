/* Mean of bytes in a window, channels last: exact sums, requantized. Bytes are unsigned, with LISSOM_SIGNED signed. */
#include "lissom_loops.h"
#include "lissom_pool.h"

typedef lissom_pool_q8_params pool_params;
#ifdef LISSOM_SIGNED
typedef int8_t pool_element;
#else
typedef uint8_t pool_element;
#endif
typedef int32_t pool_sum;
#define POOL_OF(q) (&(q)->pool)
#define POOL_START 0

static inline pool_sum pool_step(pool_sum acc, pool_element v) { return acc + v; }

static inline void pool_finish(const pool_params *q, const pool_sum *sums, int32_t inside, int32_t count, int32_t n,
                               pool_element *y)
{
    const lissom_q8_output to = q->y;
    const int32_t zero = inside * (q->x.zero - q->x.flip);
    const float multiplier = q->x_scale / (q->y_scale * (float)count);
    for (int32_t i = 0; i < n; ++i) {
        y[i] = (pool_element)lissom_requantize(sums[i] - zero, multiplier, &to);
    }
}

#include "lissom_pool_nhwc.h"

void LISSOM_KERNEL(const lissom_pool_q8_params *q, const uint8_t *x, uint8_t *y)
{
    pool(q, (const pool_element *)x, (pool_element *)y);
}

LISSOM_LEVEL_END
