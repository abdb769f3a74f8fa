/* A copy whose innermost axes differ between x and y: transposes of two axes, and the others by odometer. */
#include "lissom_move.h"
#include "lissom_transpose.h"

void LISSOM_KERNEL(const lissom_copy_params *p, const void *x, void *y)
{
    const int32_t last = p->rank - 1;
    int32_t run = 0; /* the axis along which x is contiguous; y is so along the last one */
    int32_t size[LISSOM_MAX_RANK];
    int32_t index[LISSOM_MAX_RANK] = {0};
    int32_t ix = p->x_offset;
    int32_t iy = p->y_offset;
    int32_t count = 1;
    while (p->x_stride[run] != 1) {
        ++run;
    }
    for (int32_t axis = 0; axis < last; ++axis) {
        size[axis] = axis == run ? 1 : p->size[axis];
        count *= size[axis];
    }
    for (int32_t i = 0; i < count; ++i) {
        transpose((const uint8_t *)x + ix * LISSOM_ELEMENT, p->x_stride[last] * LISSOM_ELEMENT, p->size[last], p->size[run],
                  (uint8_t *)y + iy * LISSOM_ELEMENT, p->y_stride[run] * LISSOM_ELEMENT);
        lissom_step(last, size, index, p->x_stride, &ix, p->y_stride, &iy);
    }
}

LISSOM_LEVEL_END
