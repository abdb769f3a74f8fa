/* Sums of products of floats: eight output channels of three columns at once, or 16 channels of one column. A column is a
 * patch of `length` floats that lie together.
 *
 * w holds for each eight output channels the biases, and for each float of a patch their weights
 * (backends/c/packing/cortex_m55.py, "eights"). */
#ifndef LISSOM_PANELS_M55_H
#define LISSOM_PANELS_M55_H

#include "lissom_common.h"

#define PANEL(length) (8 * (1 + (length))) /* floats of w for eight channels */

typedef struct {
    float low, high; /* of y */
    int32_t y_pixel; /* from one column of y to the next, and of a residual operand */
} panels;

/* Up to eight results of one column. */
static void finish(const panels *p, lissom_vf a, lissom_vf b, const float *skip, float *y, int32_t n)
{
    const int32_t second = lissom_larger(0, n - 4);
    n = lissom_smaller(n, 4);
    if (skip) {
        a = lissom_vf_add(a, lissom_vf_load_n(skip, n));
        b = lissom_vf_add(b, lissom_vf_load_n(skip + 4, second));
    }
    lissom_vf_store_n(y, lissom_vf_min(lissom_vf_max(a, lissom_vf_set(p->low)), lissom_vf_set(p->high)), n);
    if (second) {
        lissom_vf_store_n(y + 4, lissom_vf_min(lissom_vf_max(b, lissom_vf_set(p->low)), lissom_vf_set(p->high)), second);
    }
}

/* n <= 3 columns, of which there may be fewer: the last one is then computed again. */
LISSOM_NOINLINE static void three(const panels *p, const float *x, int32_t step, const float *w, int32_t length,
                                  const float *skip, float *y, int32_t channels, int32_t n)
{
    const float *x1 = x + (n > 1 ? step : 0);
    const float *x2 = x1 + (n > 2 ? step : 0);
    lissom_vf a0 = vld1q_f32(w);
    lissom_vf a1 = vld1q_f32(w + 4);
    lissom_vf b0 = a0;
    lissom_vf b1 = a1;
    lissom_vf c0 = a0;
    lissom_vf c1 = a1;
    w += 8;
    for (int32_t k = 0; k < length; ++k) {
        const lissom_vf w0 = vld1q_f32(w);
        const lissom_vf w1 = vld1q_f32(w + 4);
        w += 8;
        const float va = *x++;
        a0 = vfmaq_n_f32(a0, w0, va);
        a1 = vfmaq_n_f32(a1, w1, va);
        const float vb = *x1++;
        b0 = vfmaq_n_f32(b0, w0, vb);
        b1 = vfmaq_n_f32(b1, w1, vb);
        const float vc = *x2++;
        c0 = vfmaq_n_f32(c0, w0, vc);
        c1 = vfmaq_n_f32(c1, w1, vc);
    }
    finish(p, a0, a1, skip, y, channels);
    if (n > 1) {
        finish(p, b0, b1, skip ? skip + p->y_pixel : NULL, y + p->y_pixel, channels);
    }
    if (n > 2) {
        finish(p, c0, c1, skip ? skip + 2 * p->y_pixel : NULL, y + 2 * p->y_pixel, channels);
    }
}

/* Two panels of one column. */
LISSOM_NOINLINE static void one(const panels *p, const float *x, const float *w, int32_t length, const float *skip,
                                float *y, int32_t channels)
{
    const float *v = channels > 8 ? w + PANEL(length) : w;
    lissom_vf a0 = vld1q_f32(w);
    lissom_vf a1 = vld1q_f32(w + 4);
    lissom_vf b0 = vld1q_f32(v);
    lissom_vf b1 = vld1q_f32(v + 4);
    for (int32_t k = 0; k < length; ++k) {
        w += 8;
        v += 8;
        a0 = vfmaq_n_f32(a0, vld1q_f32(w), x[k]);
        a1 = vfmaq_n_f32(a1, vld1q_f32(w + 4), x[k]);
        b0 = vfmaq_n_f32(b0, vld1q_f32(v), x[k]);
        b1 = vfmaq_n_f32(b1, vld1q_f32(v + 4), x[k]);
    }
    finish(p, a0, a1, skip, y, lissom_smaller(8, channels));
    if (channels > 8) {
        finish(p, b0, b1, skip ? skip + 8 : NULL, y + 8, lissom_smaller(8, channels - 8));
    }
}

/* So many output channels at n columns, `step` floats apart. */
static void columns(const panels *p, const float *x, int32_t step, int32_t length, const float *w, const float *skip,
                    float *y, int32_t n, int32_t channels)
{
    const int32_t at_once = n == 1 ? 16 : 8;
    for (int32_t o = 0; o < channels; o += at_once) {
        const float *const panel = w + o / 8 * PANEL(length);
        const int32_t many = lissom_smaller(at_once, channels - o);
        if (n == 1) {
            one(p, x, panel, length, skip ? skip + o : NULL, y + o, many);
            continue;
        }
        for (int32_t c = 0; c < n; c += 3) {
            const int32_t to = c * p->y_pixel + o;
            three(p, x + c * step, step, panel, length, skip ? skip + to : NULL, y + to, many, lissom_smaller(3, n - c));
        }
    }
}

#endif
