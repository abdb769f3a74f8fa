#include <string.h>

#include "lissom_quantize.h"

void lissom_lookup(const lissom_lookup_params *p, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    if (p->element == 1) {
        for (int32_t i = 0; i < p->count; ++i) {
            y[i] = table[x[i]];
        }
        return;
    }
    for (int32_t i = 0; i < p->count; ++i) {
        memcpy(y + i * p->element, table + x[i] * p->element, (size_t)p->element);
    }
}
