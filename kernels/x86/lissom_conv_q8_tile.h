/* Convolution of bytes, channels last, by tiles of LISSOM_ROWS columns of one output row and LISSOM_VECTORS vectors of
 * output channels, accumulated in registers: an implicit matrix product, without a copy of the patches.
 *
 * A run is what lies in a row under the kernel: kernel width times channels, contiguous, or, where columns are not
 * neighbours, the channels of one column. Runs are read in groups of four bytes; the last group ends where the run ends
 * and overlaps the one before, with weights of 0 for what that one had. So no byte outside a run is ever read.
 *
 * w holds a panel for each LISSOM_VECTORS vectors of output channels: bias (less what the zero point of x adds), then
 * multipliers, then for each run and group a vector of four weights a lane (backends/c/packing.py, "panels").
 */
#include "lissom_conv.h"

#define CHANNELS (LISSOM_VECTORS * LISSOM_LANES)

typedef struct {
    int32_t runs[3];  /* how many along depth, height and width */
    int32_t steps[3]; /* bytes from one to the next */
    int32_t groups;   /* whole groups in a run */
    int32_t tail;     /* how far the last group reaches back, negative; 0 where there is none */
    int32_t few;      /* bytes of a run that is shorter than a group; else 0 */
} walk;

static inline void finish(const lissom_conv_q8_params *q, const uint8_t *panel, lissom_vi (*acc)[LISSOM_VECTORS],
                          const uint8_t *skip, uint8_t *y, int32_t step, int32_t channels)
{
    const lissom_vf *const multipliers = (const lissom_vf *)(const void *)(panel + CHANNELS * 4);
    const lissom_vf low = lissom_vf_set(q->y.low);
    const lissom_vf high = lissom_vf_set(q->y.high);
    const lissom_vi zero = lissom_vi_set(skip ? q->skip.y.zero : q->y.zero);
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
        const int32_t left = channels - v * LISSOM_LANES;
        if (left <= 0) {
            break;
        }
        const int32_t n = left < LISSOM_LANES ? left : LISSOM_LANES;
        const lissom_vf multiplier = lissom_vf_load(&multipliers[v]);
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            const lissom_vf scaled = lissom_vf_mul(lissom_vf_of(acc[m][v]), multiplier);
            lissom_vi value = lissom_vi_round(lissom_vf_min(lissom_vf_max(scaled, low), high));
            if (skip) {
                const lissom_vi other = lissom_vi_bytes(skip + m * step + v * LISSOM_LANES, n);
                const lissom_vf centred = lissom_vf_of(lissom_vi_sub(other, lissom_vi_set(q->skip.zero)));
                const lissom_vf sum =
                    lissom_vf_add(lissom_vf_mul(lissom_vf_of(value), lissom_vf_set(q->skip.ratio)),
                                  lissom_vf_mul(centred, lissom_vf_set(q->skip.skip_ratio)));
                value = lissom_vi_round(
                    lissom_vf_min(lissom_vf_max(sum, lissom_vf_set(q->skip.y.low)), lissom_vf_set(q->skip.y.high)));
            }
            lissom_vi_store_bytes(y + m * step + v * LISSOM_LANES, lissom_vi_add(value, zero), n);
        }
    }
}

/* The sums over one group of four bytes, or, where `few` is not 0, of that many. */
static inline void multiply(lissom_vi (*acc)[LISSOM_VECTORS], const uint8_t *const *x, int32_t step, const uint8_t *w,
                            int32_t few)
{
    lissom_vi weights[LISSOM_VECTORS];
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
        weights[v] = lissom_vi_load(w + v * LISSOM_LANES * 4);
    }
    LISSOM_UNROLL
    for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
        const uint8_t *const at = x[m / 3] + (m % 3) * step;
        const lissom_vi four = few == 0 ? lissom_vi_four(at) : lissom_vi_few(at, few);
        LISSOM_UNROLL
        for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
            acc[m][v] = lissom_vi_dot(acc[m][v], four, weights[v]);
        }
    }
}

/* LISSOM_ROWS output columns from the patches at x, `step` bytes apart. */
static inline void tile(const lissom_conv_q8_params *q, const walk *walks, const uint8_t *x, int32_t step,
                        const uint8_t *panel, const uint8_t *skip, uint8_t *y, int32_t y_step, int32_t channels)
{
    lissom_vi acc[LISSOM_ROWS][LISSOM_VECTORS];
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
        LISSOM_UNROLL
        for (int32_t m = 0; m < LISSOM_ROWS; ++m) {
            acc[m][v] = lissom_vi_load(panel + v * LISSOM_LANES * 4);
        }
    }
    const uint8_t *w = panel + CHANNELS * 8;
    for (int32_t d = 0; d < walks->runs[0]; ++d) {
        for (int32_t h = 0; h < walks->runs[1]; ++h) {
            for (int32_t k = 0; k < walks->runs[2]; ++k) {
                const uint8_t *const run = x + d * walks->steps[0] + h * walks->steps[1] + k * walks->steps[2];
                const uint8_t *at[(LISSOM_ROWS + 2) / 3];
                LISSOM_UNROLL
                for (int32_t i = 0; i < (LISSOM_ROWS + 2) / 3; ++i) {
                    at[i] = run + 3 * i * step;
                }
                for (int32_t g = 0; g < walks->groups; ++g) {
                    multiply(acc, at, step, w, 0);
                    w += CHANNELS * 4;
                    LISSOM_UNROLL
                    for (int32_t i = 0; i < (LISSOM_ROWS + 2) / 3; ++i) {
                        at[i] += 4;
                    }
                }
                if (walks->few != 0) {
                    multiply(acc, at, step, w, walks->few);
                    w += CHANNELS * 4;
                } else if (walks->tail != 0) {
                    LISSOM_UNROLL
                    for (int32_t i = 0; i < (LISSOM_ROWS + 2) / 3; ++i) {
                        at[i] += walks->tail;
                    }
                    multiply(acc, at, step, w, 0);
                    w += CHANNELS * 4;
                }
            }
        }
    }
    finish(q, panel, acc, skip, y, y_step, channels);
}

/* x with a border of its zero point, in scratch memory. */
static const uint8_t *padded(const lissom_conv_q8_params *q, const uint8_t *x, uint8_t *to, const int32_t *size)
{
    const lissom_conv_params *const p = &q->conv;
    const size_t pixel = (size_t)(p->in_channels * p->groups);
    const size_t row = (size_t)size[2] * pixel;
    const size_t left = (size_t)p->pad[2] * pixel;
    const size_t inside = (size_t)p->in[2] * pixel;
    uint8_t *at = to;
    for (int32_t d = 0; d < size[0]; ++d) {
        for (int32_t h = 0; h < size[1]; ++h, at += row) {
            const int32_t from_d = d - p->pad[0];
            const int32_t from_h = h - p->pad[1];
            if (from_d < 0 || from_d >= p->in[0] || from_h < 0 || from_h >= p->in[1]) {
                memset(at, q->x.zero, row);
                continue;
            }
            memset(at, q->x.zero, left);
            memcpy(at + left, x + (size_t)(from_d * p->in[1] + from_h) * inside, inside);
            memset(at + left + inside, q->x.zero, row - left - inside);
        }
    }
    return to;
}

void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    const lissom_conv_params *const p = &q->conv;
    const int32_t pixel = p->in_channels * p->groups;
    const int32_t y_pixel = p->out_channels * p->groups;
    const int32_t apart = p->dilation[2] > 1 || p->groups > 1; /* columns under the kernel are no run */
    int32_t size[3];                                           /* of x with its border */
    int is_padded = 0;
    for (int32_t i = 0; i < 3; ++i) {
        const int32_t reach = (p->out[i] - 1) * p->stride[i] + (p->kernel[i] - 1) * p->dilation[i] + 1;
        size[i] = lissom_larger(reach, p->pad[i] + p->in[i]);
        is_padded |= size[i] > p->in[i];
    }
    (void)w_zero;
    (void)multiplier;
    (void)b;
    const int32_t length = p->in_channels * (apart ? 1 : p->kernel[2]);
    const walk walks = {
        {p->kernel[0], p->kernel[1], apart ? p->kernel[2] : 1},
        {p->dilation[0] * size[1] * size[2] * pixel, p->dilation[1] * size[2] * pixel, p->dilation[2] * pixel},
        length / 4,
        length % 4 ? length % 4 - 4 : 0,
        length < 4 ? length : 0,
    };
    const int32_t step = p->stride[2] * pixel;
    const int32_t taps = p->kernel[0] * p->kernel[1] * walks.runs[2];
    const int32_t panel_bytes = CHANNELS * 4 * (2 + taps * ((length + 3) / 4));
    for (int32_t n = 0; n < p->batch; ++n) {
        const uint8_t *const image = x + n * p->in[0] * p->in[1] * p->in[2] * pixel;
        const uint8_t *const from = is_padded ? padded(q, image, scratch, size) : image;
        const uint8_t *panel = w;
        for (int32_t g = 0; g < p->groups; ++g) {
            for (int32_t o = 0; o < p->out_channels; o += CHANNELS, panel += panel_bytes) {
                const int32_t channels = lissom_smaller(CHANNELS, p->out_channels - o);
                for (int32_t row = 0; row < p->out[0] * p->out[1]; ++row) {
                    const int32_t d = row / p->out[1] * p->stride[0];
                    const int32_t h = row % p->out[1] * p->stride[1];
                    const uint8_t *const start = from + ((d * size[1] + h) * size[2]) * pixel + g * p->in_channels;
                    const int32_t first = (n * p->out[0] * p->out[1] + row) * p->out[2];
                    for (int32_t c = 0; c < p->out[2]; c += LISSOM_ROWS) {
                        /* The last tile may overlap the one before: the same bytes once more. */
                        const int32_t column = lissom_smaller(c, p->out[2] - LISSOM_ROWS);
                        const int32_t to = (first + column) * y_pixel + g * p->out_channels + o;
                        tile(q, &walks, start + column * step, step, panel, skip ? skip + to : NULL, y + to, y_pixel,
                             channels);
                    }
                }
            }
        }
    }
}

LISSOM_LEVEL_END
