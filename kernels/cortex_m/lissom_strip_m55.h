/* What an output row of a convolution sees, channels last: its patches, in the order kernel column, kernel row, channel.
 *
 * Where columns under the kernel are neighbours the strip has each column once, for all patches that it is in; else each
 * patch has columns of its own. A patch is contiguous either way, and one lies `step` bytes behind the other. */
#ifndef LISSOM_STRIP_M55_H
#define LISSOM_STRIP_M55_H

#include "lissom_conv.h"

/* Where a kernel is for layers alone whose patches are read where x is, it needs no code that copies. */
#ifndef LISSOM_DIRECT
#define LISSOM_DIRECT 0
#endif

typedef struct {
    int32_t is_x;    /* patches are read where x is: nothing is copied */
    int32_t columns; /* runs of columns, */
    int32_t taps;    /* and how many are in one */
    int32_t apart;   /* from one run to the next, in columns of x */
    int32_t step;    /* bytes from one patch to the next */
    int32_t rows;    /* of the kernel */
    int32_t bytes;   /* of a column of x in one group, */
    int32_t pixel;   /* and in all of them */
    int32_t each;    /* columns that a vector takes at once, where they are neighbours of few channels; else 0 */
    uint8_t places[16];
} lissom_strip;

/* Elements have so many bytes. */
static inline lissom_strip lissom_strip_of(const lissom_conv_params *p, int32_t element)
{
    lissom_strip s;
    s.bytes = p->in_channels * element;
    s.pixel = s.bytes * p->groups;
    const int32_t width = p->kernel[2];
    const int32_t shared = (p->dilation[2] == 1 || width == 1) && p->stride[2] <= width;
    s.rows = p->kernel[0] * p->kernel[1];
    s.is_x = s.rows == 1 && (width == 1 || (p->dilation[2] == 1 && p->groups == 1));
    for (int32_t i = 0; i < 3; ++i) {
        s.is_x = s.is_x && p->pad[i] == 0 && (p->out[i] - 1) * p->stride[i] + p->kernel[i] <= p->in[i];
    }
    s.columns = shared ? (p->out[2] - 1) * p->stride[2] + width : p->out[2];
    s.taps = shared ? 1 : width;
    s.apart = shared ? 1 : p->stride[2];
    if (s.is_x) {
        s.step = p->stride[2] * s.pixel;
    } else {
        s.step = (shared ? p->stride[2] : width) * s.rows * s.bytes;
    }
    if (LISSOM_DIRECT || s.is_x) {
        s.each = 0;
        return s;
    }
    const int32_t many = 16 / s.bytes;
    s.each = shared && p->groups == 1 && many > 1 && (many - 1) * s.rows * s.bytes < 240 ? many : 0;
    for (int32_t i = 0; i < 16; ++i) {
        s.places[i] = (uint8_t)(i / s.bytes * s.rows * s.bytes + i % s.bytes);
    }
    return s;
}

static inline int32_t lissom_strip_bytes(const lissom_strip *s)
{
    return s->is_x ? 0 : s->columns * s->taps * s->rows * s->bytes;
}

/* n columns of a row: `bytes` of each, which lie x_step apart, to places to_step apart. */
static inline void lissom_strip_row(const lissom_strip *s, uint8_t *to, int32_t to_step, const uint8_t *x, int32_t x_step,
                                    int32_t n, int32_t bytes)
{
    if (bytes == 16) {
        __asm__ volatile("wls lr, %[n], 2f\n"
                         "1: vldrb.u8 q0, [%[x]]\n"
                         "add %[x], %[x_step]\n"
                         "vstrb.8 q0, [%[to]]\n"
                         "add %[to], %[to_step]\n"
                         "le lr, 1b\n"
                         "2:\n"
                         : [to] "+r"(to), [x] "+r"(x)
                         : [n] "r"(n), [x_step] "r"(x_step), [to_step] "r"(to_step)
                         : "q0", "lr", "cc", "memory");
    } else if (s->each) {
        int32_t left = n * bytes;
        const int32_t at_once = s->each * bytes;
        const int32_t on = s->each * to_step;
        __asm__ volatile("vldrb.u8 q1, [%[places]]\n"
                         "vctp.8 %[at_once]\n"
                         "wls lr, %[whole], 2f\n"
                         "1: vpstt\n"
                         "vldrbt.u8 q0, [%[x]]\n"
                         "vstrbt.8 q0, [%[to], q1]\n"
                         "add %[x], %[at_once]\n"
                         "add %[to], %[on]\n"
                         "le lr, 1b\n"
                         "2: vctp.8 %[rest]\n"
                         "vpstt\n"
                         "vldrbt.u8 q0, [%[x]]\n"
                         "vstrbt.8 q0, [%[to], q1]\n"
                         : [to] "+r"(to), [x] "+r"(x)
                         : [places] "r"(s->places), [whole] "r"(left / at_once), [rest] "r"(left % at_once),
                           [at_once] "r"(at_once), [on] "r"(on)
                         : "q0", "q1", "lr", "cc", "memory");
    } else {
        for (int32_t i = 0; i < n; ++i, x += x_step, to += to_step) {
            lissom_copy_bytes(to, x, bytes);
        }
    }
}

/* The first patch of an output row. x is one image from the first channel of the group on; a border is `zero`. */
static inline const uint8_t *lissom_strip_at(const lissom_conv_params *p, const lissom_strip *s, const uint8_t *x,
                                             int32_t zero, int32_t row, uint8_t *to)
{
    const int32_t first_d = row / p->out[1] * p->stride[0] - p->pad[0];
    const int32_t first_h = row % p->out[1] * p->stride[1] - p->pad[1];
    if (LISSOM_DIRECT || s->is_x) {
        return x + (first_d * p->in[1] + first_h) * p->in[2] * s->pixel;
    }
    const int32_t column = s->rows * s->bytes;
    int32_t is_border = row == 0; /* once there, columns beside x stay */
    for (int32_t r = 0; r < s->rows; ++r) {
        const int32_t d = first_d + r / p->kernel[1] * p->dilation[0];
        const int32_t h = first_h + r % p->kernel[1] * p->dilation[1];
        is_border |= d < 0 || d >= p->in[0] || h < 0 || h >= p->in[1];
    }
    if (is_border) {
        lissom_fill_bytes(to, zero, lissom_strip_bytes(s));
    }
    for (int32_t r = 0; r < s->rows; ++r, to += s->bytes) {
        const int32_t d = first_d + r / p->kernel[1] * p->dilation[0];
        const int32_t h = first_h + r % p->kernel[1] * p->dilation[1];
        if (d < 0 || d >= p->in[0] || h < 0 || h >= p->in[1]) {
            continue;
        }
        const uint8_t *const from = x + (d * p->in[1] + h) * p->in[2] * s->pixel;
        for (int32_t k = 0; k < s->taps; ++k) {
            int32_t first, last;
            const int32_t offset = k * p->dilation[2] - p->pad[2];
            lissom_tap_range(s->columns, p->in[2], s->apart, offset, &first, &last);
            lissom_strip_row(s, to + (first * s->taps + k) * column, s->taps * column,
                             from + (first * s->apart + offset) * s->pixel, s->apart * s->pixel, last - first,
                             s->bytes);
        }
    }
    return to - column;
}

#endif
