#include <string.h>

#include "lissom_move.h"

void lissom_gather_elements_i64(const lissom_gather_elements_params *p, const void *x, const int64_t *index, void *y)
{
    int32_t position[LISSOM_MAX_RANK] = {0};
    int32_t base = 0;
    int32_t unused = 0;
    int32_t count = 1;
    uint8_t *to = y;
    for (int32_t axis = 0; axis < p->rank; ++axis) {
        count *= p->size[axis];
    }
    for (int32_t i = 0; i < count; ++i, to += p->element) {
        const int32_t at = base + lissom_clamp_index(index[i], p->n) * p->stride;
        memcpy(to, (const uint8_t *)x + at * p->element, (size_t)p->element);
        lissom_step(p->rank, p->size, position, p->x_stride, &base, p->x_stride, &unused);
    }
}
