/* Convolutions whose activations are widened once for all output channels: what the kernel sees of x at some pixels of
 * the result, a column each, side by side in scratch memory.
 *
 * Of four values a, b, c, d along a column two words are kept, for each of the pixels:
 *
 *     mixed  halves 256 b + 127 - a and 256 d + 127 - c, which are the bytes themselves but for bits of a and c
 *     even   halves a and c
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

/* Where the kernel lies in x at a pixel of the result. */
typedef struct {
    int32_t d, h, w;
} columns_corner;

/* Values of a column that lie together: those of a row of the kernel, or of one tap. */
static inline int32_t columns_taps(const lissom_conv_params *p)
{
    return p->dilation[2] == 1 && p->groups == 1 ? p->kernel[2] : 1;
}

static inline uint8_t *columns_put(uint32_t word, uint8_t *to)
{
    const uint32_t even = lissom_even_bytes(word);
    const uint32_t other = LISSOM_MIXED ? word ^ 0x007f007fu : lissom_odd_bytes(word);
    memcpy(to, LISSOM_MIXED ? &other : &even, 4);
    memcpy(to + 4 * LISSOM_PIXELS, LISSOM_MIXED ? &even : &other, 4);
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
#define COLUMNS_FIRST(to, word) LISSOM_LINE("eor " to ", " word ", lr")
#define COLUMNS_SECOND(word) LISSOM_LINE("sxtb16 " word ", " word)
#else
#define COLUMNS_FIRST(to, word) LISSOM_LINE("sxtb16 " to ", " word)
#define COLUMNS_SECOND(word) LISSOM_LINE("sxtb16 " word ", " word ", ror #8")
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
        COLUMNS_FIRST("r8", "r4") COLUMNS_FIRST("r9", "r5") COLUMNS_FIRST("r10", "r6") COLUMNS_FIRST("r11", "r7")
        LISSOM_LINE("stmia r2!, {r8-r11}")
        COLUMNS_SECOND("r4") COLUMNS_SECOND("r5") COLUMNS_SECOND("r6") COLUMNS_SECOND("r7")
        LISSOM_LINE("stmia r2!, {r4-r7}")
        LISSOM_LINE("cmp r3, #0")
        LISSOM_LINE("bgt 1b")
        LISSOM_RESTORE
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : "r12", "cc", "memory");
}
#endif

/* Where the run of a tap at one pixel begins; if a part of it is outside, it is put together at `border`. */
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

/* All columns of some pixels of the result, of one image and group. */
static inline void columns_fill(const lissom_conv_params *p, const uint8_t *x, int32_t zero, const columns_corner *corners,
                                uint8_t *to, uint8_t *border)
{
    const int32_t taps = columns_taps(p);
    const int32_t length = taps * p->in_channels;
#if LISSOM_PIXELS == 4
    const columns_corner first = corners[0];
    const columns_corner last = corners[3];
    const int is_row = first.d == last.d && first.h == last.h && length >= 4 && last.w == first.w + 3 * p->stride[2];
#endif
    for (int32_t kd = 0; kd < p->kernel[0]; ++kd) {
        for (int32_t kh = 0; kh < p->kernel[1]; ++kh) {
            for (int32_t kw = 0; kw < p->kernel[2]; kw += taps, to += (length + 3) / 4 * COLUMNS_STEP) {
                const int32_t across = kw * p->dilation[2];
                const int32_t down = kh * p->dilation[1];
                const int32_t deep = kd * p->dilation[0];
#if LISSOM_PIXELS == 4
                const int32_t d = first.d + deep;
                const int32_t h = first.h + down;
                if (is_row && d >= 0 && d < p->in[0] && h >= 0 && h < p->in[1] && first.w + across >= 0
                    && last.w + across + taps <= p->in[2]) {
                    columns_four(x + ((d * p->in[1] + h) * p->in[2] + first.w + across) * p->x_pixel,
                                 p->stride[2] * p->x_pixel, to, length);
                    continue;
                }
#endif
                for (int32_t i = 0; i < LISSOM_PIXELS; ++i) {
                    const uint8_t *const from = columns_run(p, x, corners[i].d + deep, corners[i].h + down,
                                                            corners[i].w + across, zero, border);
                    columns_one(from, length, to + 4 * i);
                }
            }
        }
    }
}

#endif
