/* Mean of signed bytes in a window, channels last, 8 channels at a time. */
#include "lissom_pool.h"

#define LISSOM_BLOCK 8
#define LISSOM_OVERLAP 0
typedef lissom_pool_q8_params pool_params;
typedef uint8_t element;
#define POOL_OF(q) (&(q)->pool)

/* Sums of 16 bits, which a row of up to 256 does not leave, are widened behind each row. */
typedef struct {
    int32x4_t even, odd;
} pooled;
#define POOL_START {vdupq_n_s32(0), vdupq_n_s32(0)}

static inline void take_row(pooled *sums, const element *at, int32_t taps, int32_t step, int32_t n)
{
    __asm__ volatile("vmov.i32 q1, #0\n"
                     "vctp.16 %[n]\n"
                     "wls lr, %[taps], 2f\n"
                     "1: vpst\n"
                     "vldrbt.s16 q0, [%[at]]\n"
                     "vadd.i16 q1, q1, q0\n"
                     "add %[at], %[step]\n"
                     "le lr, 1b\n"
                     "2:\n"
                     "vmovlb.s16 q0, q1\n"
                     "vmovlt.s16 q1, q1\n"
                     "vadd.i32 %q[even], %q[even], q0\n"
                     "vadd.i32 %q[odd], %q[odd], q1\n"
                     : [even] "+w"(sums->even), [odd] "+w"(sums->odd), [at] "+l"(at)
                     : [n] "r"(n), [taps] "r"(taps), [step] "r"(step)
                     : "q0", "q1", "lr", "cc", "memory");
}

static inline void put(const pool_params *q, const pooled *sums, int32_t inside, int32_t count, element *y, int32_t n)
{
    const int32_t zero = inside * (q->x.zero - q->x.flip);
    const float multiplier = q->x_scale / (q->y_scale * (float)count);
    int32x4_t even = vsubq_n_s32(sums->even, zero);
    int32x4_t odd = vsubq_n_s32(sums->odd, zero);
    __asm__ volatile("vcvt.f32.s32 %q[even], %q[even]\n"
                     "vcvt.f32.s32 %q[odd], %q[odd]\n"
                     "vmul.f32 %q[even], %q[even], %[multiplier]\n"
                     "vmul.f32 %q[odd], %q[odd], %[multiplier]\n"
                     "vcvtn.s32.f32 %q[even], %q[even]\n"
                     "vcvtn.s32.f32 %q[odd], %q[odd]\n"
                     "vqmovnb.s32 %q[even], %q[even]\n"
                     "vqmovnt.s32 %q[even], %q[odd]\n"
                     "vqadd.s16 %q[even], %q[even], %[to]\n"
                     "vqmovnb.s16 %q[even], %q[even]\n"
                     "vctp.16 %[n]\n"
                     "vpst\n"
                     "vstrbt.16 %q[even], [%[y]]\n"
                     : [even] "+w"(even), [odd] "+w"(odd)
                     : [multiplier] "r"(multiplier), [to] "r"(q->y.zero), [y] "l"(y), [n] "r"(n)
                     : "memory");
}

#include "lissom_pool_walk.h"

void LISSOM_KERNEL(const lissom_pool_q8_params *q, const uint8_t *x, uint8_t *y) { pool(q, x, y); }

LISSOM_LEVEL_END
