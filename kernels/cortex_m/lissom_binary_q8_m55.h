/* y = a + b or, with LISSOM_MINUS, a - b, on rows that lie together: docs/numerics.md. */
#include "lissom_quantize.h"
#include "lissom_add_m55.h"

void LISSOM_KERNEL(const lissom_binary_q8_params *p, const uint8_t *a, const uint8_t *b, uint8_t *y)
{
    const int32_t last = p->rank - 1;
    const int32_t n = p->size[last];
    const lissom_addition add = {
        p->a.flip - p->a.zero, p->b.flip - p->b.zero, p->a_ratio, LISSOM_MINUS ? -p->b_ratio : p->b_ratio, p->y.zero,
    };
    int32_t index[LISSOM_MAX_RANK] = {0};
    int32_t rows = 1;
    int32_t ia = 0;
    int32_t ib = 0;
    for (int32_t axis = 0; axis < last; ++axis) {
        rows *= p->size[axis];
    }
    for (int32_t row = 0; row < rows; ++row, y += n) {
        lissom_add_run(&add, a + ia, b + ib, y, n);
        lissom_step(last, p->size, index, p->a_stride, &ia, p->b_stride, &ib);
    }
}

LISSOM_LEVEL_END
