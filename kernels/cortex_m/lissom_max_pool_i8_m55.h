/* Maximum of signed bytes in a window, channels last, 16 channels at a time. */
#include "lissom_pool.h"

#define LISSOM_BLOCK 16
#define LISSOM_OVERLAP 0
typedef lissom_pool_params pool_params;
typedef int8_t element;
#define POOL_OF(q) (q)
typedef int8x16_t pooled;
#define POOL_START vdupq_n_s8(INT8_MIN)

static inline void take_row(pooled *most, const element *at, int32_t taps, int32_t step, int32_t n)
{
    __asm__ volatile("vctp.8 %[n]\n"
                     "wls lr, %[taps], 2f\n"
                     "1: vpst\n"
                     "vldrbt.u8 q0, [%[at]]\n"
                     "vmax.s8 %q[most], %q[most], q0\n"
                     "add %[at], %[step]\n"
                     "le lr, 1b\n"
                     "2:\n"
                     : [most] "+w"(*most), [at] "+r"(at)
                     : [n] "r"(n), [taps] "r"(taps), [step] "r"(step)
                     : "q0", "lr", "cc", "memory");
}

static inline void put(const pool_params *p, const pooled *most, int32_t inside, int32_t count, element *y, int32_t n)
{
    (void)p, (void)inside, (void)count;
    __asm__ volatile("vctp.8 %[n]\n"
                     "vpst\n"
                     "vstrbt.8 %q[most], [%[y]]\n"
                     :
                     : [most] "w"(*most), [y] "r"(y), [n] "r"(n)
                     : "memory");
}

#include "lissom_pool_walk.h"

void LISSOM_KERNEL(const lissom_pool_params *p, const int8_t *x, int8_t *y) { pool(p, x, y); }

LISSOM_LEVEL_END
