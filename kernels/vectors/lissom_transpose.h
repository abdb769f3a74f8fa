/* Transposed copies of elements of LISSOM_ELEMENT bytes: square tiles of TILE elements a side, in registers. */
#ifndef LISSOM_TRANSPOSE_H
#define LISSOM_TRANSPOSE_H

#define TILE (16 / LISSOM_ELEMENT)

#include "lissom_zip.h"

/* Rows to columns: each step deals the rows of the upper and the lower half like cards, and 2^steps = TILE. */
static inline void turn(zipped *rows)
{
    LISSOM_UNROLL
    for (int32_t steps = TILE; steps > 1; steps /= 2) {
        zipped dealt[TILE];
        LISSOM_UNROLL
        for (int32_t i = 0; i < TILE / 2; ++i) {
            dealt[2 * i] = zip_low(rows[i], rows[i + TILE / 2]);
            dealt[2 * i + 1] = zip_high(rows[i], rows[i + TILE / 2]);
        }
        LISSOM_UNROLL
        for (int32_t i = 0; i < TILE; ++i) {
            rows[i] = dealt[i];
        }
    }
}

/* TILE elements at each of `count` <= TILE rows of x become TILE rows of y with `count` elements each. With fewer than
 * TILE, rows of y must lie close together: each is stored whole, and what is too much is overwritten by the next one; the
 * `careful` last ones are stored to the byte. */
static inline void tile(const uint8_t *x, int32_t x_step, int32_t count, uint8_t *y, int32_t y_step, int32_t careful)
{
    zipped rows[TILE];
    LISSOM_UNROLL
    for (int32_t i = 0; i < TILE; ++i) {
        rows[i] = i < count ? zip_load(x + i * x_step) : zip_zero();
    }
    turn(rows);
    if (careful == 0) {
        LISSOM_UNROLL
        for (int32_t i = 0; i < TILE; ++i) {
            zip_store(y + i * y_step, rows[i]);
        }
        return;
    }
    for (int32_t i = 0; i < TILE; ++i) {
        uint8_t bytes[16];
        zip_store(bytes, rows[i]);
        memcpy(y + i * y_step, bytes, (size_t)(count * LISSOM_ELEMENT));
    }
}

/* y[j][i] = x[i][j] for `rows` rows of x with `columns` elements; steps in bytes. */
static inline void transpose(const uint8_t *x, int32_t x_step, int32_t rows, int32_t columns, uint8_t *y, int32_t y_step)
{
    const int32_t few = rows < TILE;
    if (columns < TILE || (few && y_step != rows * LISSOM_ELEMENT)) {
        for (int32_t j = 0; j < columns; ++j) {
            for (int32_t i = 0; i < rows; ++i) {
                memcpy(y + j * y_step + i * LISSOM_ELEMENT, x + i * x_step + j * LISSOM_ELEMENT, LISSOM_ELEMENT);
            }
        }
        return;
    }
    /* Tiles at the end overlap those before: the same bytes once more. */
    for (int32_t j = 0; j < columns; j += TILE) {
        const int32_t column = lissom_smaller(j, columns - TILE);
        if (few) { /* what is stored behind a row is in the rows that follow, but for the last tile */
            tile(x + column * LISSOM_ELEMENT, x_step, rows, y + column * y_step, y_step, column + 2 * TILE > columns);
            continue;
        }
        for (int32_t i = 0; i < rows; i += TILE) {
            const int32_t row = lissom_smaller(i, rows - TILE);
            tile(x + row * x_step + column * LISSOM_ELEMENT, x_step, TILE,
                 y + column * y_step + row * LISSOM_ELEMENT, y_step, 0);
        }
    }
}

#endif
