/* The sums of a tile (lissom_conv_tile.h) in vector registers: an activation in all lanes times vectors of weights. */
#ifndef LISSOM_VECTOR_SUMS_H
#define LISSOM_VECTOR_SUMS_H

#define LISSOM_CHUNK 4 /* bytes of a run that are read at once */
#define SUMS_IN_VECTORS

static inline void sums_begin(void) {}
static inline void sums_end(void) {}

static inline void sums_start(tile_sum (*acc)[LISSOM_VECTORS], const uint8_t *panel)
{
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            acc[m][v] = tile_start(panel, v);
        }
    }
}

/* The sums over one group: four bytes, or the `few` there are. */
static inline void multiply(tile_sum (*acc)[LISSOM_VECTORS], const uint8_t *x, int32_t step, const uint8_t *w, int32_t few)
{
    tile_sum weights[LISSOM_VECTORS];
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
        weights[v] = tile_load(w + v * LISSOM_LANES * 4);
    }
    LISSOM_UNROLL
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        const tile_sum four = few == 0 ? tile_group(x + m * step) : tile_few(x + m * step, few);
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            acc[m][v] = tile_dot(acc[m][v], four, weights[v]);
        }
    }
}

/* The sums in memory: so only that copy of them has an address. */
static inline void sums_store(tile_sum (*done)[LISSOM_VECTORS], const tile_sum (*acc)[LISSOM_VECTORS])
{
    LISSOM_UNROLL
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            done[m][v] = acc[m][v];
        }
    }
}

#endif
