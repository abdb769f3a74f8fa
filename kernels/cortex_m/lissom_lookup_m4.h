/* Table look-up of bytes, four at a time. */
#include "lissom_quantize.h"

#include "lissom_finish_m4.h"

void LISSOM_KERNEL(const lissom_lookup_params *p, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    const int32_t whole = p->count & ~3;
    for (int32_t i = 0; i < whole; i += 4) {
        const uint32_t at = lissom_word(x + i);
        lissom_put_bytes(y + i, table[lissom_byte(at, 0)], table[lissom_byte(at, 1)], table[lissom_byte(at, 2)],
                         table[lissom_byte(at, 3)]);
    }
    for (int32_t i = whole; i < p->count; ++i) {
        y[i] = table[x[i]];
    }
}

LISSOM_LEVEL_END
