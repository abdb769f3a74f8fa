/* Convolutions whose activations are widened once for all output channels: what the kernel sees of x at some pixels of
 * the result, a column each, side by side in scratch memory.
 *
 * Of four values a, b, c, d along a column two words are kept, for each of the pixels:
 *
 *     even   halves a and c
 *     mixed  halves 256 b + 127 - a and 256 d + 127 - c, which are the bytes themselves but for bits of a and c
 *
 * Their weights v, w (for a and b) are one half 256 v + w, whose low byte, sign-extended, is w, so that
 *
 *     w (256 b + 127 - a) + (256 v + w) a = 256 (v a + w b) + 127 w
 *
 * and of the weights only one word has to be unpacked, not two. Sums are 256 times too large, which their multiplier
 * makes up for exactly, and the bias holds the last term; sums have to stay below 2^23. Where they may not (LISSOM_MIXED
 * 0), the words are the halves a and c and the halves b and d, and weights are bytes. */
#ifndef LISSOM_COLUMNS_H
#define LISSOM_COLUMNS_H

#include "lissom_conv.h"

/* Bytes that four values of all columns take. */
#define COLUMNS_STEP (8 * LISSOM_PIXELS)

/* What the pixels of the result are made with. */
typedef struct {
    int32_t eights;  /* of values along a column */
    int32_t step[3]; /* bytes from the first pixel of the result to the others */
    int32_t zero;
    uint8_t *end;    /* of the first pixel */
} columns_outputs;

/* Values of a column that lie together: those of a row of the kernel, or of one tap. */
static inline int32_t columns_taps(const lissom_conv_params *p)
{
    return p->dilation[2] == 1 && p->groups == 1 ? p->kernel[2] : 1;
}

static inline uint8_t *columns_put(uint32_t word, uint8_t *to)
{
    const uint32_t even = lissom_even_bytes(word);
    const uint32_t other = LISSOM_MIXED ? word ^ 0x007f007fu : lissom_odd_bytes(word);
    memcpy(to, &even, 4);
    memcpy(to + 4 * LISSOM_PIXELS, &other, 4);
    return to + COLUMNS_STEP;
}

/* A run of values into one column. What does not fill a word is read together with the values before it, whose weights
 * are then 0. */
static inline void columns_one(const uint8_t *from, int32_t length, uint8_t *to)
{
    for (int32_t i = 4; i <= length; i += 4, from += 4) {
        to = columns_put(lissom_word(from), to);
    }
    const int32_t rest = length & 3;
    if (rest != 0) {
        uint32_t word = 0;
        if (length > 4) {
            word = lissom_word(from + rest - 4);
        } else {
            for (int32_t i = 0; i < rest; ++i) {
                word |= (uint32_t)from[i] << (8 * i);
            }
        }
        (void)columns_put(word, to);
    }
}

#if LISSOM_PIXELS == 4
#if LISSOM_MIXED
#define COLUMNS_OTHER(word) LISSOM_LINE("eor " word ", " word ", lr")
#else
#define COLUMNS_OTHER(word) LISSOM_LINE("sxtb16 " word ", " word ", ror #8")
#endif

/* The same for four columns, whose values lie `step` bytes apart. */
LISSOM_NOINLINE static void columns_four(const uint8_t *from, int32_t step, uint8_t *to, int32_t length)
{
    register const uint8_t *r0 __asm__("r0") = from;
    register int32_t r1 __asm__("r1") = step;
    register uint8_t *r2 __asm__("r2") = to;
    register int32_t r3 __asm__("r3") = length;
    __asm__ volatile(
        LISSOM_SAVE
        LISSOM_LINE("add r12, r1, r1, lsl #1")
        LISSOM_LINE("mov lr, #0x007f007f")
        LISSOM_LINE("1: subs r3, r3, #4")
        LISSOM_LINE("it lt")              /* the rest: the last four bytes */
        LISSOM_LINE("addlt r0, r0, r3")
        LISSOM_LINE("ldr r5, [r0, r1]")
        LISSOM_LINE("ldr r6, [r0, r1, lsl #1]")
        LISSOM_LINE("ldr r7, [r0, r12]")
        LISSOM_LINE("ldr r4, [r0], #4")
        LISSOM_LINE("sxtb16 r8, r4")
        LISSOM_LINE("sxtb16 r9, r5")
        LISSOM_LINE("sxtb16 r10, r6")
        LISSOM_LINE("sxtb16 r11, r7")
        LISSOM_LINE("stmia r2!, {r8-r11}")
        COLUMNS_OTHER("r4") COLUMNS_OTHER("r5") COLUMNS_OTHER("r6") COLUMNS_OTHER("r7")
        LISSOM_LINE("stmia r2!, {r4-r7}")
        LISSOM_LINE("cmp r3, #0")
        LISSOM_LINE("bgt 1b")
        LISSOM_RESTORE
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : "r12", "cc", "memory");
}
#endif

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

/* Where a run begins that belongs to one pixel: at position (d, h, w) of x. Where a part of it is outside, it is put
 * together at `border`. */
static inline const uint8_t *columns_run(const lissom_conv_params *p, const uint8_t *x, int32_t d, int32_t h, int32_t w,
                                         int32_t zero, uint8_t *border)
{
    const int32_t taps = columns_taps(p);
    const int is_row = d >= 0 && d < p->in[0] && h >= 0 && h < p->in[1];
    const int32_t first = (((d * p->in[1]) + h) * p->in[2] + w) * p->x_pixel;
    if (is_row && w >= 0 && w + taps <= p->in[2]) {
        return x + first;
    }
    for (int32_t tap = 0; tap < taps; ++tap) {
        uint8_t *const to = border + tap * p->in_channels;
        if (is_row && w + tap >= 0 && w + tap < p->in[2]) {
            memcpy(to, x + (first + tap * p->x_pixel), (size_t)p->in_channels);
        } else {
            memset(to, zero, (size_t)p->in_channels);
        }
    }
    return border;
}

/* One run of all columns. */
LISSOM_NOINLINE static void columns_runs(const lissom_conv_params *p, const uint8_t *x, int32_t zero, columns_pixel at,
                                         int32_t held, const columns_pixel *tap, uint8_t *to, uint8_t *border)
{
    for (int32_t i = 0; i < LISSOM_PIXELS; ++i) {
        const uint8_t *const from = columns_run(p, x, at.d * p->stride[0] + tap->d, at.h * p->stride[1] + tap->h,
                                                at.w * p->stride[2] + tap->w, zero, border);
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
#if LISSOM_PIXELS == 4
    const int is_row = at.w + 3 < p->out[2] && length >= 4;
#endif
    columns_pixel tap;
    tap.d = -p->pad[0];
    for (int32_t kd = 0; kd < p->kernel[0]; ++kd, tap.d += p->dilation[0]) {
        tap.h = -p->pad[1];
        for (int32_t kh = 0; kh < p->kernel[1]; ++kh, tap.h += p->dilation[1]) {
            tap.w = -p->pad[2];
            for (int32_t kw = 0; kw < p->kernel[2]; kw += taps, tap.w += p->dilation[2]) {
#if LISSOM_PIXELS == 4
                const int32_t d = at.d * p->stride[0] + tap.d;
                const int32_t h = at.h * p->stride[1] + tap.h;
                const int32_t w = at.w * p->stride[2] + tap.w;
                if (is_row && d >= 0 && d < p->in[0] && h >= 0 && h < p->in[1] && w >= 0
                    && w + 3 * p->stride[2] + taps <= p->in[2]) {
                    columns_four(x + ((d * p->in[1] + h) * p->in[2] + w) * p->x_pixel, p->stride[2] * p->x_pixel, to, length);
                } else
#endif
                {
                    columns_runs(p, x, zero, at, held, &tap, to, border);
                }
                to += (length + 3) / 4 * COLUMNS_STEP;
            }
        }
    }
}

#endif
