/* Pools of bytes, channels last: from window to window, in each LISSOM_BLOCK channels at a time. What accumulates them is
 * defined before this is included:
 *
 *     pool_params  POOL_OF(q)    the parameters, and those of the windows among them
 *     element                    a byte
 *     pooled  POOL_START         what accumulates the elements of a block, and what it begins with
 *     take_row                   takes in the taps of a row, `step` bytes apart, of a block of which n channels are left
 *     put                        from there to y, of `inside` elements where a mean may count `count`
 *
 * With LISSOM_OVERLAP the last block may have channels of the one before, the same bytes once more. */
#ifndef LISSOM_POOL_WALK_H
#define LISSOM_POOL_WALK_H

/* Along one axis: the taps of a window inside x, where the first of them is, and how many a mean may count. */
typedef struct {
    int32_t taps, start, count;
} span;

static inline span span_of(const lissom_pool_params *p, int32_t axis, int32_t o)
{
    int32_t first, last;
    const int32_t count = lissom_window(p, axis, o, &first, &last);
    const span s = {last - first, o * p->stride[axis] - p->pad[axis] + first * p->dilation[axis], count};
    return s;
}

static inline void pool(const pool_params *q, const element *x, element *y)
{
    const lissom_pool_params *const p = POOL_OF(q);
    const int32_t step = p->dilation[2] * p->x_pixel;
    for (int32_t row = 0; row < p->batch * p->out[0] * p->out[1]; ++row) {
        const span d = span_of(p, 0, row / p->out[1] % p->out[0]);
        const span h = span_of(p, 1, row % p->out[1]);
        const element *const image = x + row / (p->out[0] * p->out[1]) * p->in[0] * p->in[1] * p->in[2] * p->x_pixel;
        for (int32_t column = 0; column < p->out[2]; ++column, y += p->y_pixel) {
            const span w = span_of(p, 2, column);
            const int32_t inside = d.taps * h.taps * w.taps;
            const int32_t count = lissom_larger(1, p->count_pads ? d.count * h.count * w.count : inside);
            for (int32_t block = 0; block < p->channels; block += LISSOM_BLOCK) {
                const int32_t c = LISSOM_OVERLAP ? lissom_smaller(block, p->channels - LISSOM_BLOCK) : block;
                pooled taken = POOL_START;
                for (int32_t kd = 0; kd < d.taps; ++kd) {
                    const int32_t line = (d.start + kd * p->dilation[0]) * p->in[1] + h.start;
                    const element *at = image + (line * p->in[2] + w.start) * p->x_pixel + c;
                    for (int32_t kh = 0; kh < h.taps; ++kh, at += p->dilation[1] * p->in[2] * p->x_pixel) {
                        take_row(&taken, at, w.taps, step, p->channels - c);
                    }
                }
                put(q, &taken, inside, count, y + c, p->channels - c);
            }
        }
    }
}

#endif
