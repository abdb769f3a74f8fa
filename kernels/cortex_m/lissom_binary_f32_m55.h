/* Arithmetic of floats with operands that repeat, four at a time: LISSOM_OPERATION says which. Sums, differences and products
 * are those of the reference, to the bit. */
#include "lissom_binary.h"

#if LISSOM_OPERATION == 0
#define OPERATION "vadd.f32 q0, q0, q1\n"
#elif LISSOM_OPERATION == 1
#define OPERATION "vsub.f32 q0, q0, q1\n"
#else
#define OPERATION "vmul.f32 q0, q0, q1\n"
#endif

/* n elements, of a and b so far apart as the places of a vector say. y may be a or b. */
static inline void run_of(const float *a, uint32x4_t a_at, const float *b, uint32x4_t b_at, float *y, int32_t n)
{
    const uint32_t a_on = vgetq_lane_u32(a_at, 1) * 16;
    const uint32_t b_on = vgetq_lane_u32(b_at, 1) * 16;
    __asm__ volatile("wlstp.32 lr, %[n], 2f\n"
                     "1: vldrw.u32 q0, [%[a], %q[a_at], uxtw #2]\n"
                     "add %[a], %[a_on]\n"
                     "vldrw.u32 q1, [%[b], %q[b_at], uxtw #2]\n"
                     "add %[b], %[b_on]\n" OPERATION
                     "vstrw.32 q0, [%[y]], #16\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [a] "+r"(a), [b] "+r"(b), [y] "+l"(y)
                     : [n] "r"(n), [a_at] "w"(a_at), [b_at] "w"(b_at), [a_on] "r"(a_on), [b_on] "r"(b_on)
                     : "q0", "q1", "lr", "cc", "memory");
}

void LISSOM_KERNEL(const lissom_binary_params *p, const float *a, const float *b, float *y)
{
    const int32_t last = p->rank - 1;
    const int32_t n = p->size[last];
    const uint32x4_t a_at = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)p->a_stride[last]);
    const uint32x4_t b_at = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)p->b_stride[last]);
    int32_t index[LISSOM_MAX_RANK] = {0};
    int32_t rows = 1;
    int32_t ia = 0;
    int32_t ib = 0;
    for (int32_t axis = 0; axis < last; ++axis) {
        rows *= p->size[axis];
    }
    for (int32_t row = 0; row < rows; ++row, y += n) {
        run_of(a + ia, a_at, b + ib, b_at, y, n);
        lissom_step(last, p->size, index, p->a_stride, &ia, p->b_stride, &ib);
    }
}

LISSOM_LEVEL_END
