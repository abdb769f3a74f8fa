/* Convolution of floats, channels last (lissom_panels_m55.h). Patches are those of lissom_conv_q8_m55.h. */
#include "lissom_conv.h"
#include "lissom_panels_m55.h"
#include "lissom_strip_m55.h"

void LISSOM_KERNEL(const lissom_conv_params *p, const float *x, const float *w, const float *b, const float *skip,
                   float *y, void *scratch)
{
    (void)b;
    const lissom_strip strip = lissom_strip_of(p, 4);
    const panels job = {p->low, p->high, p->y_pixel};
    const int32_t length = p->kernel[0] * p->kernel[1] * p->kernel[2] * p->in_channels;
    const int32_t rows = p->out[0] * p->out[1];
    for (int32_t n = 0; n < p->batch; ++n) {
        const uint8_t *const image = (const uint8_t *)x + n * p->in[0] * p->in[1] * p->in[2] * strip.pixel;
        for (int32_t g = 0; g < p->groups; ++g) {
            const float *const group = w + g * ((p->out_channels + 7) / 8 * PANEL(length));
            for (int32_t row = 0; row < rows; ++row) {
                const uint8_t *const from = lissom_strip_at(p, &strip, image + g * strip.bytes, 0, row, scratch);
                const int32_t to = (n * rows + row) * p->out[2] * p->y_pixel + g * p->out_channels;
                columns(&job, (const void *)from, strip.step / 4, length, group, skip ? skip + to : NULL, y + to, p->out[2],
                        p->out_channels);
            }
        }
    }
}

LISSOM_LEVEL_END
