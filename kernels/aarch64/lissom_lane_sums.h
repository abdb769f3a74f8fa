/* Sums of a tile of which each lane is a column and a channel: they begin with the biases and stay where they are. */
#ifndef LISSOM_LANE_SUMS_H
#define LISSOM_LANE_SUMS_H

LISSOM_INLINE void sums_start(tile_sum (*acc)[LISSOM_VECTORS], const uint8_t *panel)
{
    LISSOM_UNROLL
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        load_vectors(acc[m], panel);
        LISSOM_FORGET(panel);
    }
}

LISSOM_INLINE void sums_end(tile_sum (*acc)[LISSOM_VECTORS]) { (void)acc; }

#endif
