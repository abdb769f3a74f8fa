#include <string.h>

#include "lissom_move.h"

/* A memcpy of constant size is one load and one store, and legal whatever the type of the elements is. */
#define ONE(I, BYTES) memcpy(to + (I) * dy * BYTES, from + (I) * dx * BYTES, BYTES);
#define ROW(BYTES)                                                                  \
    for (; i + 4 <= n; i += 4, from += 4 * dx * BYTES, to += 4 * dy * BYTES) {      \
        ONE(0, BYTES) ONE(1, BYTES) ONE(2, BYTES) ONE(3, BYTES)                     \
    }                                                                               \
    for (; i < n; ++i, from += dx * BYTES, to += dy * BYTES) {                      \
        ONE(0, BYTES)                                                               \
    }

void lissom_copy(const lissom_copy_params *p, const void *x, void *y)
{
    const int32_t run = lissom_copy_run(p);
    const int32_t n = p->size[run];
    const int32_t dx = p->x_stride[run];
    const int32_t dy = p->y_stride[run];
    int32_t size[LISSOM_MAX_RANK];
    int32_t index[LISSOM_MAX_RANK] = {0};
    int32_t ix = p->x_offset;
    int32_t iy = p->y_offset;
    const int32_t rows = lissom_copy_rows(p, run, size);
    for (int32_t row = 0; row < rows; ++row) {
        const uint8_t *from = (const uint8_t *)x + ix * p->element;
        uint8_t *to = (uint8_t *)y + iy * p->element;
        int32_t i = 0;
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
        lissom_step(p->rank, size, index, p->x_stride, &ix, p->y_stride, &iy);
    }
}
