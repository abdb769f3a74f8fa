/* Columns of convolutions, channels last: what the kernel sees of x at some pixels of the result, a column each, side by
 * side in scratch memory, where it serves all output channels. How a value is kept is defined before this is included:
 *
 *     ELEMENT           bytes of a value of x
 *     UNIT              values along a column that are kept together
 *     COLUMNS_STEP      bytes that those of all columns take
 *     LEAST             values of a run that columns_abreast wants, where there is more than one pixel
 *     columns_one       a run of values into one column
 *     columns_abreast   the same for all columns, whose values lie `step` bytes apart */
#ifndef LISSOM_COLUMNS_H
#define LISSOM_COLUMNS_H

/* Values of a column that lie together: those of a row of the kernel, or of one tap. */
static inline int32_t columns_taps(const lissom_conv_params *p)
{
    return p->dilation[2] == 1 && p->groups == 1 ? p->kernel[2] : 1;
}

/* Pixels of the result that columns are of: those from (d, h, w) on, of an image. */
typedef struct {
    int32_t d, h, w;
} columns_pixel;

static inline void columns_next(const lissom_conv_params *p, columns_pixel *at)
{
    if (++at->w == p->out[2]) {
        at->w = 0;
        if (++at->h == p->out[1]) {
            at->h = 0;
            ++at->d;
        }
    }
}

/* Where `width` pixels of x begin, at position (d, h, w). Where a part of them is outside, or if `is_copied`, they are put
 * together at `border`. */
static inline const uint8_t *columns_strip(const lissom_conv_params *p, const uint8_t *x, int32_t d, int32_t h, int32_t w,
                                           int32_t width, int is_copied, int32_t zero, uint8_t *border)
{
    const int is_row = d >= 0 && d < p->in[0] && h >= 0 && h < p->in[1];
    const int32_t pixel = p->x_pixel * ELEMENT;
    const int32_t bytes = p->in_channels * ELEMENT;
    const int32_t first = (((d * p->in[1]) + h) * p->in[2] + w) * pixel;
    if (is_row && w >= 0 && w + width <= p->in[2] && !is_copied) {
        return x + first;
    }
    const int32_t left = is_row ? lissom_smaller(width, lissom_larger(0, -w)) : width;
    const int32_t end = is_row ? lissom_larger(left, lissom_smaller(width, p->in[2] - w)) : width;
    memset(border, zero, (size_t)(left * bytes));
    if (pixel == bytes) {
        memcpy(border + left * bytes, x + (first + left * pixel), (size_t)((end - left) * bytes));
    } else {
        for (int32_t i = left; i < end; ++i) {
            memcpy(border + i * bytes, x + (first + i * pixel), (size_t)bytes);
        }
    }
    memset(border + end * bytes, zero, (size_t)((width - end) * bytes));
    return border;
}

/* One run of all columns. */
LISSOM_NOINLINE static void columns_runs(const lissom_conv_params *p, const uint8_t *x, int32_t zero, columns_pixel at,
                                         int32_t held, const columns_pixel *tap, uint8_t *to, uint8_t *border)
{
    for (int32_t i = 0; i < LISSOM_PIXELS; ++i) {
        const uint8_t *const from = columns_strip(p, x, at.d * p->stride[0] + tap->d, at.h * p->stride[1] + tap->h,
                                                  at.w * p->stride[2] + tap->w, columns_taps(p), 0, zero, border);
        columns_one(from, columns_taps(p) * p->in_channels, to + 4 * i);
        if (i + 1 < held) { /* columns of pixels that are not there may hold anything */
            columns_next(p, &at);
        }
    }
}

/* All columns of `held` pixels from `at` on. */
static inline void columns_fill(const lissom_conv_params *p, const uint8_t *x, int32_t zero, columns_pixel at, int32_t held,
                                uint8_t *to, uint8_t *border)
{
    const int32_t taps = columns_taps(p);
    const int32_t length = taps * p->in_channels;
#if LISSOM_PIXELS > 1
    const int is_row = at.w + LISSOM_PIXELS - 1 < p->out[2];
    const int32_t width = (LISSOM_PIXELS - 1) * p->stride[2] + taps;
    const int is_copied = length < LEAST; /* more is read then */
#endif
    columns_pixel tap;
    tap.d = -p->pad[0];
    for (int32_t kd = 0; kd < p->kernel[0]; ++kd, tap.d += p->dilation[0]) {
        tap.h = -p->pad[1];
        for (int32_t kh = 0; kh < p->kernel[1]; ++kh, tap.h += p->dilation[1]) {
            tap.w = -p->pad[2];
            for (int32_t kw = 0; kw < p->kernel[2]; kw += taps, tap.w += p->dilation[2]) {
#if LISSOM_PIXELS > 1
                if (is_row) {
                    const uint8_t *const from =
                        columns_strip(p, x, at.d * p->stride[0] + tap.d, at.h * p->stride[1] + tap.h,
                                      at.w * p->stride[2] + tap.w, width, is_copied, zero, border);
                    const int32_t pixel = from == border ? p->in_channels : p->x_pixel;
                    columns_abreast(from, p->stride[2] * pixel * ELEMENT, to, lissom_larger(LEAST, length));
                } else
#endif
                {
                    columns_runs(p, x, zero, at, held, &tap, to, border);
                }
                to += (length + UNIT - 1) / UNIT * COLUMNS_STEP;
            }
        }
    }
}

#endif
