#include <string.h>

#include "lissom_move.h"

/* A memcpy of constant size is one load and one store, and legal whatever the type of the elements is. */
#define ROW(BYTES)                                               \
    for (int32_t i = 0; i < n; ++i) {                            \
        memcpy(to + i * dy * BYTES, from + i * dx * BYTES, BYTES); \
    }

void lissom_copy(const lissom_copy_params *p, const void *x, void *y)
{
    const int32_t last = p->rank - 1;
    const int32_t n = p->size[last];
    const int32_t dx = p->x_stride[last];
    const int32_t dy = p->y_stride[last];
    int32_t index[LISSOM_MAX_RANK] = {0};
    int32_t ix = p->x_offset;
    int32_t iy = p->y_offset;
    int32_t rows = 1;
    for (int32_t axis = 0; axis < last; ++axis) {
        rows *= p->size[axis];
    }
    for (int32_t row = 0; row < rows; ++row) {
        const uint8_t *const from = (const uint8_t *)x + ix * p->element;
        uint8_t *const to = (uint8_t *)y + iy * p->element;
        if (dx == 1 && dy == 1) {
            memcpy(to, from, (size_t)n * (size_t)p->element);
        } else if (p->element == 4) {
            ROW(4)
        } else if (p->element == 1) {
            ROW(1)
        } else if (p->element == 8) {
            ROW(8)
        } else {
            ROW(2)
        }
        lissom_step(last, p->size, index, p->x_stride, &ix, p->y_stride, &iy);
    }
}
