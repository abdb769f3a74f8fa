/* Floats with channels first to bytes with channels last: some positions of every channel are quantized into memory of
 * their own, and transposed from there. */
#include "lissom_loops.h"
#include "lissom_quantize.h"

#define LISSOM_ELEMENT 1
#include "lissom_transpose.h"

#define POSITIONS 256

/* Elements of one channel. */
static inline void row(const float *restrict x, float scale, lissom_q8_output q, uint8_t *restrict y, int32_t n)
{
    for (int32_t i = 0; i < n; ++i) {
        y[i] = lissom_saturate(x[i] / scale, &q);
    }
}

/* Three channels side by side: too few for a transpose of whole registers, and compilers know the shuffles. */
static inline void three(const uint8_t *restrict bytes, uint8_t *restrict y, int32_t n)
{
    for (int32_t i = 0; i < n; ++i) {
        y[3 * i] = bytes[i];
        y[3 * i + 1] = bytes[POSITIONS + i];
        y[3 * i + 2] = bytes[2 * POSITIONS + i];
    }
}

void LISSOM_KERNEL(const lissom_channel_params *p, const float *x, const float *scale, const lissom_q8_output *q, uint8_t *y)
{
    for (int32_t o = 0; o < p->outer; ++o, x += p->channels * p->inner) {
        for (int32_t at = 0; at < p->inner; at += POSITIONS) {
            const int32_t n = lissom_smaller(POSITIONS, p->inner - at);
            uint8_t bytes[TILE * POSITIONS];
            for (int32_t c = 0; c < p->channels; ++c) {
                row(x + c * p->inner + at, scale[c], q[c], bytes + c * POSITIONS, n);
            }
            if (p->channels == 3) {
                three(bytes, y, n);
            } else {
                transpose(bytes, POSITIONS, p->channels, n, y, p->channels);
            }
            y += n * p->channels;
        }
    }
}

LISSOM_LEVEL_END
