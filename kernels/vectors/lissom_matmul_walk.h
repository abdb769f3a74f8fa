/* The walk of a product of two activations: for each batch the rows of a, as tiles read them, and for some columns of b at a
 * time their panel and all tiles of them. What tiles there are is defined before this is included: TILE_MATMUL, TILE_ELEMENT,
 * TILE_HEAD, COLUMNS, tile_rows, tile_pack and tile (lissom_matmul_tile.h), and the bytes of a row of a, DEPTH, and to the
 * next, STEP. */
#ifndef LISSOM_MATMUL_WALK_H
#define LISSOM_MATMUL_WALK_H

static inline void products(const tile_params *q, const uint8_t *a, const uint8_t *b, uint8_t *y, uint8_t *scratch)
{
    const lissom_matmul_params *const p = TILE_MATMUL(q);
    uint8_t *const panel = scratch;
    uint8_t *const beside = scratch + COLUMNS * (TILE_HEAD + (DEPTH(q) + 3) / 4 * 4);
    const int32_t batches = lissom_matmul_batches(p);
    for (int32_t batch = 0; batch < batches; ++batch) {
        const int32_t *first = NULL; /* what is in the sums of each row before anything is added */
        const uint8_t *const rows =
            tile_rows(q, a + lissom_matmul_offset(p, batch, p->a_batch) * TILE_ELEMENT, beside, &first);
        const uint8_t *const from = b + lissom_matmul_offset(p, batch, p->b_batch) * TILE_ELEMENT;
        uint8_t *const to = y + lissom_matmul_offset(p, batch, p->y_batch) * TILE_ELEMENT;
        for (int32_t j = 0; j < p->n; j += COLUMNS) {
            const int32_t columns = lissom_smaller(COLUMNS, p->n - j);
            tile_pack(q, from + j * p->b_n * TILE_ELEMENT, columns, j, panel);
            for (int32_t m = 0; m < p->m; m += LISSOM_ROWS) {
                /* The last tile may overlap the one before: the same results once more. */
                const int32_t row = lissom_smaller(m, p->m - LISSOM_ROWS);
                tile(q, rows + row * STEP(q), first ? first + row : NULL, panel,
                     to + (row * p->y_m + j) * TILE_ELEMENT, columns);
            }
        }
    }
}

#endif
