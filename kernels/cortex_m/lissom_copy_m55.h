/* Copies between strides, LISSOM_ELEMENT bytes an element: eight at a time (four of four bytes) by gathered loads and
 * scattered stores, 16 bytes at a time where elements lie together. */
#include "lissom_move.h"

#if LISSOM_ELEMENT == 4
#define LANES 4
#define TYPE "32"
#define LOAD "vldrw.u32 q0, [%[from], %q[x_at], uxtw #2]\n"
#define STORE "vstrw.32 q0, [%[to], %q[y_at], uxtw #2]\n"
typedef uint32x4_t places;
static inline places steps_of(int32_t step) { return vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)step); }
#else
#define LANES 8
#define TYPE "16"
typedef uint16x8_t places;
static inline places steps_of(int32_t step) { return vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)step); }
#if LISSOM_ELEMENT == 2
#define LOAD "vldrh.u16 q0, [%[from], %q[x_at], uxtw #1]\n"
#define STORE "vstrh.16 q0, [%[to], %q[y_at], uxtw #1]\n"
#else
#define LOAD "vldrb.u16 q0, [%[from], %q[x_at]]\n"
#define STORE "vstrb.16 q0, [%[to], %q[y_at]]\n"
#endif
#endif

/* n elements; LANES of them lie x_on and y_on bytes apart. */
static inline void run_of(const uint8_t *from, places x_at, int32_t x_on, uint8_t *to, places y_at, int32_t y_on, int32_t n)
{
    __asm__ volatile("wlstp." TYPE " lr, %[n], 2f\n"
                     "1: " LOAD
                     "add %[from], %[x_on]\n" STORE
                     "add %[to], %[y_on]\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [from] "+r"(from), [to] "+r"(to)
                     : [n] "r"(n), [x_on] "r"(x_on), [y_on] "r"(y_on), [x_at] "w"(x_at), [y_at] "w"(y_at)
                     : "q0", "lr", "cc", "memory");
}

void LISSOM_KERNEL(const lissom_copy_params *p, const void *x, void *y)
{
    const int32_t run = lissom_copy_run(p);
    const int32_t n = p->size[run];
    const int32_t dx = p->x_stride[run];
    const int32_t dy = p->y_stride[run];
    const places x_at = steps_of(dx);
    const places y_at = steps_of(dy);
    int32_t size[LISSOM_MAX_RANK];
    int32_t index[LISSOM_MAX_RANK] = {0};
    int32_t ix = p->x_offset;
    int32_t iy = p->y_offset;
    const int32_t rows = lissom_copy_rows(p, run, size);
    for (int32_t row = 0; row < rows; ++row) {
        const uint8_t *const from = (const uint8_t *)x + ix * LISSOM_ELEMENT;
        uint8_t *const to = (uint8_t *)y + iy * LISSOM_ELEMENT;
        if (dx == 1 && dy == 1) {
            lissom_copy_bytes(to, from, n * LISSOM_ELEMENT);
        } else {
            run_of(from, x_at, LANES * LISSOM_ELEMENT * dx, to, y_at, LANES * LISSOM_ELEMENT * dy, n);
        }
        lissom_step(p->rank, size, index, p->x_stride, &ix, p->y_stride, &iy);
    }
}

LISSOM_LEVEL_END
