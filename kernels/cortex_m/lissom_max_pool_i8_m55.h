/* Maximum of signed bytes in a window, channels last, 16 channels at a time. */
#include "lissom_pool.h"

/* Along one axis: the taps of a window inside x, and where the first of them is. */
typedef struct {
    int32_t taps, start;
} span;

static inline span span_of(const lissom_pool_params *p, int32_t axis, int32_t o)
{
    int32_t first, last;
    (void)lissom_window(p, axis, o, &first, &last);
    const span s = {last - first, o * p->stride[axis] - p->pad[axis] + first * p->dilation[axis]};
    return s;
}

void LISSOM_KERNEL(const lissom_pool_params *p, const int8_t *x, int8_t *y)
{
    const int32_t step = p->dilation[2] * p->x_pixel;
    for (int32_t row = 0; row < p->batch * p->out[0] * p->out[1]; ++row) {
        const span d = span_of(p, 0, row / p->out[1] % p->out[0]);
        const span h = span_of(p, 1, row % p->out[1]);
        const int8_t *const image = x + row / (p->out[0] * p->out[1]) * p->in[0] * p->in[1] * p->in[2] * p->x_pixel;
        for (int32_t column = 0; column < p->out[2]; ++column, y += p->y_pixel) {
            const span w = span_of(p, 2, column);
            for (int32_t c = 0; c < p->channels; c += 16) {
                int8x16_t most = vdupq_n_s8(INT8_MIN);
                for (int32_t k = 0; k < d.taps * h.taps; ++k) {
                    const int32_t line = (d.start + k / h.taps * p->dilation[0]) * p->in[1] + h.start + k % h.taps * p->dilation[1];
                    const int8_t *at = image + (line * p->in[2] + w.start) * p->x_pixel + c;
                    __asm__ volatile("vctp.8 %[n]\n"
                                     "wls lr, %[taps], 2f\n"
                                     "1: vpst\n"
                                     "vldrbt.u8 q0, [%[at]]\n"
                                     "vmax.s8 %q[most], %q[most], q0\n"
                                     "add %[at], %[step]\n"
                                     "le lr, 1b\n"
                                     "2:\n"
                                     : [most] "+w"(most), [at] "+r"(at)
                                     : [n] "r"(p->channels - c), [taps] "r"(w.taps), [step] "r"(step)
                                     : "q0", "lr", "cc", "memory");
                }
                __asm__ volatile("vctp.8 %[n]\n"
                                 "vpst\n"
                                 "vstrbt.8 %q[most], [%[y]]\n"
                                 :
                                 : [most] "w"(most), [y] "r"(y + c), [n] "r"(p->channels - c)
                                 : "memory");
            }
        }
    }
}

LISSOM_LEVEL_END
