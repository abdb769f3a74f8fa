/* Vectors of a panel into registers. */
#ifndef LISSOM_WEIGHTS_H
#define LISSOM_WEIGHTS_H

#include "lissom_load_four.h"

/* LISSOM_VECTORS vectors that lie together. */
LISSOM_INLINE void load_vectors(tile_sum *to, const uint8_t *from)
{
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
        to[v] = tile_load(from + v * 16);
    }
}

#endif
