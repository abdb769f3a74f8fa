#include <string.h>

#include "lissom_move.h"

void lissom_where(const lissom_where_params *p, const uint8_t *condition, const void *a, const void *b, void *y)
{
    int32_t index[LISSOM_MAX_RANK] = {0};
    int32_t same[LISSOM_MAX_RANK] = {0};
    int32_t ic = 0;
    int32_t ia = 0;
    int32_t ib = 0;
    int32_t unused = 0;
    int32_t count = 1;
    uint8_t *to = y;
    for (int32_t axis = 0; axis < p->rank; ++axis) {
        count *= p->size[axis];
    }
    for (int32_t i = 0; i < count; ++i, to += p->element) {
        const uint8_t *const from =
            condition[ic] ? (const uint8_t *)a + ia * p->element : (const uint8_t *)b + ib * p->element;
        memmove(to, from, (size_t)p->element);
        lissom_step(p->rank, p->size, index, p->a_stride, &ia, p->b_stride, &ib);
        lissom_step(p->rank, p->size, same, p->c_stride, &ic, p->c_stride, &unused);
    }
}
