/* Maximum of signed bytes in a window, channels last, a word of four channels at a time. */
#include "lissom_pool.h"

#include "lissom_finish_m4.h"

#define LISSOM_BLOCK 4
#define LISSOM_OVERLAP 1
typedef lissom_pool_params pool_params;
typedef int8_t element;
#define POOL_OF(q) (q)
typedef uint32_t pooled;
#define POOL_START 0x80808080u

static inline void take_row(pooled *most, const element *at, int32_t taps, int32_t step, int32_t n)
{
    (void)n;
    for (int32_t i = 0; i < taps; ++i, at += step) {
        const uint32_t word = lissom_word((const uint8_t *)at);
        uint32_t difference;
        __asm__("ssub8 %1, %2, %0\n\tsel %0, %2, %0" : "+r"(*most), "=&r"(difference) : "r"(word) : "cc");
    }
}

static inline void put(const pool_params *p, const pooled *most, int32_t inside, int32_t count, element *y, int32_t n)
{
    (void)p, (void)inside, (void)count, (void)n;
    memcpy(y, most, 4);
}

#include "lissom_pool_walk.h"

void LISSOM_KERNEL(const lissom_pool_params *p, const int8_t *x, int8_t *y) { pool(p, x, y); }

LISSOM_LEVEL_END
