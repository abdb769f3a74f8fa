/* The sums of a tile (lissom_conv_tile.h) in the tiles of AMX: 16 columns or fewer by 16 channels each, LISSOM_ACROSS times
 * LISSOM_VECTORS of them. Patches are read where they lie, since rows of a tile may be any number of bytes apart.
 *
 * A multiplication takes LISSOM_CHUNK bytes of each patch, which is known, as a panel is made of such chunks: 64, or all
 * of a shorter run. Numbers of tiles have to be literal: 0 to 3 are sums, 4 and 5 patches, 6 and 7 weights. */
#ifndef LISSOM_MATRIX_SUMS_H
#define LISSOM_MATRIX_SUMS_H

#define COLUMNS (LISSOM_ROWS / LISSOM_ACROSS)

#if LISSOM_ACROSS == 2
#define BOTH(first, second) \
    first;                  \
    second
#else
#define BOTH(first, second) first
#endif

static inline void sums_begin(void)
{
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1};
    for (int32_t i = 0; i < 8; ++i) {
        config.row_bytes[i] = i == 4 || i == 5 ? LISSOM_CHUNK : 64;
        config.rows[i] = i < 6 ? COLUMNS : LISSOM_CHUNK / 4;
    }
    __asm__ volatile("" : : "r"(&config) : "memory"); /* gcc's intrinsic says that it reads eight bytes of it */
    lissom_tile_config(&config);
}

static inline void sums_end(void) { lissom_tile_release(); }

/* The same biases in all rows: a step of 0. */
static inline void sums_start(tile_sum (*acc)[LISSOM_VECTORS], const uint8_t *panel)
{
    (void)acc;
    __asm__ volatile("" ::: "memory"); /* gcc's tile loads do not say that they read memory */
    BOTH(lissom_tile_load(0, panel, 0), lissom_tile_load(2, panel, 0));
#if LISSOM_VECTORS > 1
    BOTH(lissom_tile_load(1, panel + 64, 0), lissom_tile_load(3, panel + 64, 0));
#endif
#if LISSOM_VECTORS > 2
    lissom_tile_load(2, panel + 128, 0);
#endif
#if LISSOM_VECTORS > 3
    lissom_tile_load(3, panel + 192, 0);
#endif
}

static inline void multiply(tile_sum (*acc)[LISSOM_VECTORS], const uint8_t *x, int32_t step, const uint8_t *w, int32_t few)
{
    (void)acc;
    (void)few;
    BOTH(lissom_tile_load(4, x, step), lissom_tile_load(5, x + COLUMNS * step, step));
    lissom_tile_load(6, w, CHANNELS * 4);
    BOTH(lissom_tile_dot(0, 4, 6), lissom_tile_dot(2, 5, 6));
#if LISSOM_VECTORS > 1
    lissom_tile_load(7, w + 64, CHANNELS * 4);
    BOTH(lissom_tile_dot(1, 4, 7), lissom_tile_dot(3, 5, 7));
#endif
#if LISSOM_VECTORS > 2
    lissom_tile_load(6, w + 128, CHANNELS * 4);
    lissom_tile_dot(2, 4, 6);
#endif
#if LISSOM_VECTORS > 3
    lissom_tile_load(7, w + 192, CHANNELS * 4);
    lissom_tile_dot(3, 4, 7);
#endif
}

static inline void sums_store(tile_sum (*done)[LISSOM_VECTORS], const tile_sum (*acc)[LISSOM_VECTORS])
{
    (void)acc;
    BOTH(lissom_tile_store(0, &done[0][0], CHANNELS * 4), lissom_tile_store(2, &done[COLUMNS][0], CHANNELS * 4));
#if LISSOM_VECTORS > 1
    BOTH(lissom_tile_store(1, &done[0][1], CHANNELS * 4), lissom_tile_store(3, &done[COLUMNS][1], CHANNELS * 4));
#endif
#if LISSOM_VECTORS > 2
    lissom_tile_store(2, &done[0][2], CHANNELS * 4);
#endif
#if LISSOM_VECTORS > 3
    lissom_tile_store(3, &done[0][3], CHANNELS * 4);
#endif
}

#endif
