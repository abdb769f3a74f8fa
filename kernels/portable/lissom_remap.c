#include <string.h>

#include "lissom_move.h"

void lissom_remap(const lissom_remap_params *p, const void *x, const int32_t *tables, const void *fill, void *y)
{
    const size_t bytes = (size_t)p->element;
    const int32_t last = p->rank - 1;
    int32_t index[LISSOM_MAX_RANK] = {0};
    int32_t rows = 1;
    uint8_t *to = y;
    for (int32_t axis = 0; axis < last; ++axis) {
        rows *= p->size[axis];
    }
    for (int32_t row = 0; row < rows; ++row) {
        const int32_t *table = tables;
        int32_t base = 0;
        int32_t outside = 0;
        for (int32_t axis = 0; axis < last; ++axis) {
            const int32_t at = table[index[axis]];
            outside |= at < 0;
            base += at * p->x_stride[axis];
            table += p->size[axis];
        }
        for (int32_t i = 0; i < p->size[last]; ++i, to += bytes) {
            if (outside || table[i] < 0) {
                memcpy(to, fill, bytes);
            } else {
                memcpy(to, (const uint8_t *)x + (base + table[i] * p->x_stride[last]) * p->element, bytes);
            }
        }
        for (int32_t axis = last - 1; axis >= 0 && ++index[axis] == p->size[axis]; --axis) {
            index[axis] = 0;
        }
    }
}
