/* y = a + b or, with LISSOM_MINUS, a - b, with LISSOM_TIMES a * b, on rows that lie together: docs/numerics.md. */
#include "lissom_quantize.h"
#if LISSOM_TIMES
/* n products: those of 16 bits less their zero points are exact in 32. y may be a or b. */
static inline void products(const lissom_binary_q8_params *p, const uint8_t *a, const uint8_t *b, uint8_t *y, int32_t n)
{
    __asm__ volatile("wlstp.16 lr, %[n], 2f\n"
                     "1: vldrb.s16 q0, [%[a]], #8\n"
                     "vadd.i16 q0, q0, %[a_less]\n"
                     "vldrb.s16 q1, [%[b]], #8\n"
                     "vadd.i16 q1, q1, %[b_less]\n"
                     "vmullb.s16 q2, q0, q1\n"
                     "vmullt.s16 q3, q0, q1\n"
                     "vcvt.f32.s32 q2, q2\n"
                     "vcvt.f32.s32 q3, q3\n"
                     "vmul.f32 q2, q2, %[ratio]\n"
                     "vmul.f32 q3, q3, %[ratio]\n"
                     "vcvtn.s32.f32 q2, q2\n"
                     "vcvtn.s32.f32 q3, q3\n"
                     "vqmovnb.s32 q0, q2\n"
                     "vqmovnt.s32 q0, q3\n"
                     "vqadd.s16 q0, q0, %[zero]\n"
                     "vqmovnb.s16 q0, q0\n"
                     "vstrb.16 q0, [%[y]], #8\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [a] "+l"(a), [b] "+l"(b), [y] "+l"(y)
                     : [n] "r"(n), [a_less] "r"(p->a.flip - p->a.zero), [b_less] "r"(p->b.flip - p->b.zero),
                       [ratio] "r"(p->multiplier), [zero] "r"(p->y.zero)
                     : "q0", "q1", "q2", "q3", "lr", "cc", "memory");
}
#else
#include "lissom_add_m55.h"
#endif

void LISSOM_KERNEL(const lissom_binary_q8_params *p, const uint8_t *a, const uint8_t *b, uint8_t *y)
{
    const int32_t last = p->rank - 1;
    const int32_t n = p->size[last];
#if !LISSOM_TIMES
    const lissom_addition add = {
        p->a.flip - p->a.zero, p->b.flip - p->b.zero, p->a_ratio, LISSOM_MINUS ? -p->b_ratio : p->b_ratio, p->y.zero,
    };
#endif
    int32_t index[LISSOM_MAX_RANK] = {0};
    int32_t rows = 1;
    int32_t ia = 0;
    int32_t ib = 0;
    for (int32_t axis = 0; axis < last; ++axis) {
        rows *= p->size[axis];
    }
    for (int32_t row = 0; row < rows; ++row, y += n) {
#if LISSOM_TIMES
        products(p, a + ia, b + ib, y, n);
#else
        lissom_add_run(&add, a + ia, b + ib, y, n);
#endif
        lissom_step(last, p->size, index, p->a_stride, &ia, p->b_stride, &ib);
    }
}

LISSOM_LEVEL_END
