#include <string.h>

#include "lissom_move.h"

void lissom_trilu(const lissom_trilu_params *p, const void *x, void *y)
{
    const uint8_t *from = x;
    uint8_t *to = y;
    const int32_t row_bytes = p->columns * p->element;
    for (int32_t row = 0; row < p->matrices * p->rows; ++row, from += row_bytes, to += row_bytes) {
        /* Columns from `edge` on lie above the diagonal, or on it where the upper part is kept. */
        const int32_t edge = row % p->rows + p->diagonal + (p->upper ? 0 : 1);
        const int32_t inside = lissom_larger(0, lissom_smaller(p->columns, edge)) * p->element;
        memmove(to, from, (size_t)row_bytes);
        if (p->upper) {
            memset(to, 0, (size_t)inside);
        } else {
            memset(to + inside, 0, (size_t)(row_bytes - inside));
        }
    }
}
