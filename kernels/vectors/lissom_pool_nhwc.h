/* Pools, channels last: LISSOM_BLOCK channels at a time, four taps of the window at a time, in loops over channels that
 * become vectors. What pools do differently is defined before this is included:
 *
 *     pool_element  pool_sum     an element, and what accumulates elements
 *     POOL_START                 what accumulation begins with, and what changes nothing as an element
 *     pool_step                  an accumulator that has taken in one element more
 *     pool_finish                from the accumulators of n channels, of `inside` elements each, to results; a mean
 *                                divides by `count`
 */
#ifndef LISSOM_POOL_NHWC_H
#define LISSOM_POOL_NHWC_H

#define LISSOM_BLOCK 128

/* The taps of a window that lie in x, along one axis, and where the first of them is. */
typedef struct {
    int32_t first, last, start, count;
} span;

static inline span span_of(const lissom_pool_params *p, int32_t axis, int32_t o)
{
    span s;
    s.count = lissom_window(p, axis, o, &s.first, &s.last);
    s.start = o * p->stride[axis] - p->pad[axis];
    return s;
}

static inline void take(pool_sum *restrict sums, const pool_element *const *taps, int32_t n)
{
    const pool_element *const a = taps[0];
    const pool_element *const b = taps[1];
    const pool_element *const c = taps[2];
    const pool_element *const d = taps[3];
    for (int32_t i = 0; i < n; ++i) {
        sums[i] = pool_step(pool_step(pool_step(pool_step(sums[i], a[i]), b[i]), c[i]), d[i]);
    }
}

static inline void pool(const pool_params *q, const pool_element *x, pool_element *y)
{
    const lissom_pool_params *const p = POOL_OF(q);
    pool_element nothing[LISSOM_BLOCK];
    for (int32_t i = 0; i < LISSOM_BLOCK; ++i) {
        nothing[i] = POOL_START;
    }
    for (int32_t row = 0; row < p->batch * p->out[0] * p->out[1]; ++row) {
        const span d = span_of(p, 0, row / p->out[1] % p->out[0]);
        const span h = span_of(p, 1, row % p->out[1]);
        const pool_element *const image = x + row / (p->out[0] * p->out[1]) * p->in[0] * p->in[1] * p->in[2] * p->x_pixel;
        for (int32_t column = 0; column < p->out[2]; ++column, y += p->y_pixel) {
            const span w = span_of(p, 2, column);
            const int32_t inside = (d.last - d.first) * (h.last - h.first) * (w.last - w.first);
            const int32_t count = lissom_larger(1, p->count_pads ? d.count * h.count * w.count : inside);
            for (int32_t c = 0; c < p->channels; c += LISSOM_BLOCK) {
                const int32_t n = lissom_smaller(LISSOM_BLOCK, p->channels - c);
                const pool_element *taps[4];
                pool_sum sums[LISSOM_BLOCK];
                int32_t held = 0;
                int32_t left = inside;
                for (int32_t i = 0; i < n; ++i) {
                    sums[i] = POOL_START;
                }
                for (int32_t kd = d.first; kd < d.last; ++kd) {
                    for (int32_t kh = h.first; kh < h.last; ++kh) {
                        const int32_t line = (d.start + kd * p->dilation[0]) * p->in[1] + h.start + kh * p->dilation[1];
                        const pool_element *at = image + (line * p->in[2] + w.start + w.first * p->dilation[2]) * p->x_pixel + c;
                        for (int32_t kw = w.first; kw < w.last; ++kw, at += p->dilation[2] * p->x_pixel) {
                            taps[held++] = at;
                            if (--left == 0) {
                                while (held < 4) {
                                    taps[held++] = nothing;
                                }
                            }
                            if (held == 4) { /* the one place that takes: its loop is long, unrolled as it is */
                                take(sums, taps, n);
                                held = 0;
                            }
                        }
                    }
                }
                pool_finish(q, sums, inside, count, n, y + c);
            }
        }
    }
}

#endif
