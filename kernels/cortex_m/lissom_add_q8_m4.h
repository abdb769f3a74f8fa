/* Additions of 8-bit tensors of one shape. */
#include "lissom_add_q8_words.h"
#include "lissom_quantize.h"

void LISSOM_KERNEL(const lissom_binary_q8_params *p, const uint8_t *a, const uint8_t *b, uint8_t *y)
{
    const lissom_addition how = {0, 128 - p->a.zero, 128 - p->b.zero, p->y.zero, p->a_ratio, p->b_ratio};
    lissom_add_bytes(&how, a, b, y, p->size[0]);
}

LISSOM_LEVEL_END
