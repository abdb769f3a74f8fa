/* Depthwise convolution of bytes with stride 1 along a row, for few channels: a row of results is computed as so many bytes,
 * whichever pixels and channels they are of. The tap of column t of the kernel is t pixels further on in the same row, so a
 * vector takes bytes of several pixels at once and no lane is empty but at the end of a row.
 *
 * Rows of x are copied once each, with their border, into a ring of those that an output row sees.
 *
 * w holds as many blocks (lissom_zipped_rows.h) as it takes until the channels come to lie in a block as in the first:
 * LISSOM_PERIOD (backends/c/packing, "depthwise"). LISSOM_CHANNELS, LISSOM_HEIGHT, LISSOM_WIDTH and LISSOM_DILATION, along
 * a row, are those of the layer. */
#include "lissom_conv.h"
#include "lissom_zipped_rows.h"

/* n pixels in a row of memory. */
static inline void gather(uint8_t *to, const uint8_t *from, int32_t pixel, int32_t n)
{
    if (pixel == LISSOM_CHANNELS) {
        memcpy(to, from, (size_t)(n * LISSOM_CHANNELS));
        return;
    }
    for (int32_t i = 0; i < n; ++i) {
        memcpy(to + i * LISSOM_CHANNELS, from + i * pixel, LISSOM_CHANNELS);
    }
}

/* One row of results: n bytes. */
static inline void row(const rows_context *context, const uint8_t *const *at, const uint8_t *w, const uint8_t *skip,
                       uint8_t *y, int32_t n)
{
    const uint8_t *panel = w;
    for (int32_t i = 0; i < n; i += LISSOM_BLOCK) {
        lissom_vi acc[4];
        LISSOM_UNROLL
        for (int32_t v = 0; v < 4; ++v) {
            acc[v] = lissom_vi_load(panel + v * VECTOR);
        }
        LISSOM_UNROLL
        for (int32_t t = 0; t < LISSOM_WIDTH; ++t) {
            LISSOM_UNROLL
            for (int32_t g = 0; g < FOURS; ++g) {
                lissom_vi four[4];
                zipped(context, at, g, i + t * LISSOM_DILATION * LISSOM_CHANNELS, four);
                LISSOM_UNROLL
                for (int32_t v = 0; v < 4; ++v) {
                    const int32_t tap = (2 * 4 + ((t * FOURS + g) * 4 + v) * LISSOM_DOT_BYTES) * VECTOR;
                    acc[v] = dot_four(acc[v], four[v], panel + tap);
                }
            }
        }
        const int32_t some = lissom_smaller(LISSOM_BLOCK, n - i);
        if (skip) {
            lissom_vi sums[4]; /* a copy, so that the sums themselves have no address */
            memcpy(sums, acc, sizeof sums);
            finish_skip(context, sums, panel + 4 * VECTOR, skip + i, y + i, some);
        } else {
            finish(context, acc, panel + 4 * VECTOR, y + i, some);
        }
        panel = panel == w + (LISSOM_PERIOD - 1) * BLOCK_PANEL ? w : panel + BLOCK_PANEL;
    }
}

/* Scratch memory holds the ring, a row of the border, and one row each of the addend and of results, for where their pixels
 * are parts of wider ones. */
void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    (void)w_zero;
    (void)multiplier;
    (void)b;
    const lissom_conv_params *const p = &q->conv;
    const rows_context context = rows_begin(&q->y, skip ? &q->skip : NULL);
    const int32_t n = p->out[2] * LISSOM_CHANNELS;
    const int32_t whole = (n + LISSOM_BLOCK - 1) / LISSOM_BLOCK * LISSOM_BLOCK;
    const int32_t bytes = whole + (LISSOM_WIDTH - 1) * LISSOM_DILATION * LISSOM_CHANNELS;
    const int32_t span = (LISSOM_HEIGHT - 1) * p->dilation[1] + 1;
    const int32_t inside = lissom_smaller(p->in[2], p->out[2] + (LISSOM_WIDTH - 1) * LISSOM_DILATION - p->pad[2]);
    uint8_t *const ring = scratch;
    uint8_t *const outside = ring + span * bytes;
    uint8_t *const addend = outside + bytes;
    uint8_t *const result = addend + whole;
    memset(ring, q->x.zero, (size_t)((span + 1) * bytes));
    for (int32_t image = 0; image < p->batch; ++image, x += p->in[1] * p->in[2] * p->x_pixel) {
        int32_t copied = 0; /* rows of x that are, or were, in the ring */
        for (int32_t r = 0; r < p->out[1]; ++r) {
            const int32_t h = r * p->stride[1] - p->pad[1];
            const uint8_t *at[LISSOM_HEIGHT];
            for (; copied < lissom_smaller(h + span, p->in[1]); ++copied) {
                uint8_t *const to = ring + copied % span * bytes + p->pad[2] * LISSOM_CHANNELS;
                gather(to, x + copied * p->in[2] * p->x_pixel, p->x_pixel, inside);
            }
            for (int32_t i = 0; i < LISSOM_HEIGHT; ++i) {
                const int32_t from = h + i * p->dilation[1];
                at[i] = from < 0 || from >= p->in[1] ? outside : ring + from % span * bytes;
            }
            const int32_t first = (image * p->out[1] + r) * p->out[2];
            uint8_t *const to = y + first * p->y_pixel;
            uint8_t *const results = p->y_pixel == LISSOM_CHANNELS ? to : result;
            if (skip) {
                gather(addend, skip + first * p->skip_pixel, p->skip_pixel, p->out[2]);
                row(&context, at, w, addend, results, n);
            } else {
                row(&context, at, w, NULL, results, n);
            }
            if (results != to) {
                for (int32_t i = 0; i < p->out[2]; ++i) {
                    memcpy(to + i * p->y_pixel, results + i * LISSOM_CHANNELS, LISSOM_CHANNELS);
                }
            }
        }
    }
}

LISSOM_LEVEL_END
