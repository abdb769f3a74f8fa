#include <string.h>

#include "lissom_move.h"

void lissom_gather_i64(const lissom_gather_params *p, const void *x, const int64_t *index, void *y)
{
    const int32_t bytes = p->inner * p->element;
    uint8_t *to = y;
    for (int32_t o = 0; o < p->outer; ++o) {
        for (int32_t i = 0; i < p->indices; ++i, to += bytes) {
            const int32_t at = o * p->n + lissom_clamp_index(index[i], p->n);
            memcpy(to, (const uint8_t *)x + at * bytes, (size_t)bytes);
        }
    }
}
