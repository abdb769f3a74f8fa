/* Kernels that move elements of any type: they know an element by its size in bytes (1, 2, 4, 8; for remap any). */
#ifndef LISSOM_MOVE_H
#define LISSOM_MOVE_H

#include "lissom_common.h"

typedef struct {
    int32_t element;
    int32_t rank; /* 1 or more */
    int32_t size[LISSOM_MAX_RANK];
    int32_t x_stride[LISSOM_MAX_RANK]; /* 0 repeats, negative runs backwards */
    int32_t y_stride[LISSOM_MAX_RANK];
    int32_t x_offset;
    int32_t y_offset;
} lissom_copy_params;

typedef struct {
    int32_t element;
    int32_t count;
} lissom_fill_params;

typedef struct {
    int32_t element;
    int32_t rank;
    int32_t size[LISSOM_MAX_RANK]; /* of y */
    int32_t x_stride[LISSOM_MAX_RANK];
} lissom_remap_params;

typedef struct {
    int32_t element;
    int32_t outer;
    int32_t n; /* size of the axis that is indexed */
    int32_t indices;
    int32_t inner;
} lissom_gather_params;

typedef struct {
    int32_t element;
    int32_t rank;
    int32_t size[LISSOM_MAX_RANK];     /* of y and the indices */
    int32_t x_stride[LISSOM_MAX_RANK]; /* 0 along the indexed axis */
    int32_t n;                         /* size and stride of the indexed axis of x */
    int32_t stride;
} lissom_gather_elements_params;

typedef struct {
    int32_t element;
    int32_t rank;
    int32_t size[LISSOM_MAX_RANK];
    int32_t c_stride[LISSOM_MAX_RANK];
    int32_t a_stride[LISSOM_MAX_RANK];
    int32_t b_stride[LISSOM_MAX_RANK];
} lissom_where_params;

typedef struct {
    int32_t element;
    int32_t matrices, rows, columns;
    int32_t diagonal;
    int32_t upper; /* keep what lies on and above the diagonal; else on and below */
} lissom_trilu_params;

typedef struct {
    int32_t count;
    int32_t from; /* enum lissom_element */
    int32_t to;
} lissom_cast_params;

void lissom_copy(const lissom_copy_params *p, const void *x, void *y);
/* Every element of y becomes the one at x. */
void lissom_fill(const lissom_fill_params *p, const void *x, void *y);
/* y[i, j, ...] = x[table 0 of i, table 1 of j, ...]; a negative entry of a table gives the element at `fill`. The
 * tables stand one after the other. */
void lissom_remap(const lissom_remap_params *p, const void *x, const int32_t *tables, const void *fill, void *y);
/* An index may count from the end; one outside the axis is clamped into it. */
void lissom_gather_i32(const lissom_gather_params *p, const void *x, const int32_t *index, void *y);
void lissom_gather_i64(const lissom_gather_params *p, const void *x, const int64_t *index, void *y);
void lissom_gather_elements_i32(const lissom_gather_elements_params *p, const void *x, const int32_t *index, void *y);
void lissom_gather_elements_i64(const lissom_gather_elements_params *p, const void *x, const int64_t *index, void *y);
void lissom_where(const lissom_where_params *p, const uint8_t *condition, const void *a, const void *b, void *y);
void lissom_trilu(const lissom_trilu_params *p, const void *x, void *y);
/* Floats to integers truncate and saturate; to bool, whatever is not zero. */
void lissom_cast(const lissom_cast_params *p, const void *x, void *y);

/* The axis that is best walked along in one loop: the last one where both sides are contiguous along it, else the longest. */
static inline int32_t lissom_copy_run(const lissom_copy_params *p)
{
    int32_t run = p->rank - 1;
    if (p->x_stride[run] != 1 || p->y_stride[run] != 1) {
        for (int32_t axis = 0; axis < p->rank; ++axis) {
            run = p->size[axis] > p->size[run] ? axis : run;
        }
    }
    return run;
}

/* How many such loops there are, and the sizes to step through between them. */
static inline int32_t lissom_copy_rows(const lissom_copy_params *p, int32_t run, int32_t *size)
{
    int32_t rows = 1;
    for (int32_t axis = 0; axis < p->rank; ++axis) {
        size[axis] = axis == run ? 1 : p->size[axis];
        rows *= size[axis];
    }
    return rows;
}

static inline int32_t lissom_clamp_index(int64_t index, int32_t n)
{
    const int64_t from_start = index < 0 ? index + n : index;
    return from_start < 0 ? 0 : from_start >= n ? n - 1 : (int32_t)from_start;
}

#endif
