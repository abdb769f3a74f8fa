/* Maximum of signed bytes in a window, channels last. */
#include "lissom_loops.h"
#include "lissom_pool.h"

typedef lissom_pool_params pool_params;
typedef int8_t pool_element;
typedef int8_t pool_sum;
#define POOL_OF(q) (q)
#define POOL_START INT8_MIN

static inline pool_sum pool_step(pool_sum acc, pool_element v) { return v > acc ? v : acc; }

static inline void pool_finish(const pool_params *p, const pool_sum *sums, int32_t inside, int32_t count, int32_t n,
                               pool_element *y)
{
    (void)p, (void)inside;
    (void)count;
    for (int32_t i = 0; i < n; ++i) {
        y[i] = sums[i];
    }
}

#include "lissom_pool_nhwc.h"

void LISSOM_KERNEL(const lissom_pool_params *p, const int8_t *x, int8_t *y) { pool(p, x, y); }

LISSOM_LEVEL_END
