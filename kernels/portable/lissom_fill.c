#include <string.h>

#include "lissom_move.h"

void lissom_fill(const lissom_fill_params *p, const void *x, void *y)
{
    uint8_t *const to = y;
    for (int32_t i = 0; i < p->count; ++i) {
        memcpy(to + i * p->element, x, (size_t)p->element);
    }
}
