/* Convolution, channels last, by tiles of an output row: where each tile begins, and x with its border. What the tiles do
 * is defined before or after this is included:
 *
 *     tile_params  TILE_ELEMENT               the parameter struct, bytes of an element
 *     TILE_READ  tile_widen                   bytes of an element of x as tiles read it, and what makes x so where
 *                                             these are more than in memory
 *     TILE_CONV(q)  TILE_PAD(q)               the lissom_conv_params, and the byte a border is filled with
 *     CHANNELS  TILE_HEAD  TILE_RUN(length)   channels of a panel; bytes of one before its weights, and of a run
 *     TILE_COPIES(length)                     whether tiles read a copy of x though it has no border
 *     tile  tiles_begin  tiles_end            one tile; what comes before the first and after the last
 *
 * LISSOM_STEP is the bytes from one column's patch to the next, or 0 for what the parameters say. */
#ifndef LISSOM_CONV_WALK_H
#define LISSOM_CONV_WALK_H

typedef struct {
    int32_t runs[3];  /* how many along depth, height and width */
    int32_t steps[3]; /* bytes from one to the next */
    int32_t length;   /* bytes of each */
} walk;

static inline void tiles_begin(void);
static inline void tiles_end(void);

/* LISSOM_ROWS output columns from the patches at x, `step` bytes apart. */
static inline void tile(const tile_params *q, const walk *walks, const uint8_t *x, int32_t step, const uint8_t *panel,
                        const uint8_t *skip, uint8_t *y, int32_t y_step, int32_t channels);

/* n elements of the border, and n of x: both return what is behind them. */
static inline uint8_t *fill(uint8_t *to, int32_t value, size_t n)
{
#if TILE_READ == TILE_ELEMENT
    memset(to, value, n * TILE_READ);
#else
    const uint16_t word = (uint16_t)value;
    for (size_t i = 0; i < n; ++i) {
        memcpy(to + 2 * i, &word, 2);
    }
#endif
    return to + n * TILE_READ;
}

static inline uint8_t *copy(uint8_t *to, const uint8_t *x, size_t n)
{
#if TILE_READ == TILE_ELEMENT
    memcpy(to, x, n * TILE_READ);
#else
    tile_widen(to, x, n);
#endif
    return to + n * TILE_READ;
}

/* x as tiles read it, with a border of its zero point, in scratch memory. */
static const uint8_t *padded(const tile_params *q, const uint8_t *x, uint8_t *to, const int32_t *size)
{
    const lissom_conv_params *const p = TILE_CONV(q);
    const size_t pixel = (size_t)(p->in_channels * p->groups);
    const size_t row = (size_t)size[2] * pixel;
    const size_t left = (size_t)p->pad[2] * pixel;
    const size_t inside = (size_t)p->in[2] * pixel;
    uint8_t *at = to;
    for (int32_t d = 0; d < size[0]; ++d) {
        for (int32_t h = 0; h < size[1]; ++h) {
            const int32_t from_d = d - p->pad[0];
            const int32_t from_h = h - p->pad[1];
            if (from_d < 0 || from_d >= p->in[0] || from_h < 0 || from_h >= p->in[1]) {
                at = fill(at, TILE_PAD(q), row);
                continue;
            }
            at = fill(at, TILE_PAD(q), left);
            at = copy(at, x + (size_t)(from_d * p->in[1] + from_h) * inside * TILE_ELEMENT, inside);
            at = fill(at, TILE_PAD(q), row - left - inside);
        }
    }
    return to;
}

static inline void convolve(const tile_params *q, const uint8_t *x, const uint8_t *w, const uint8_t *skip, uint8_t *y,
                            uint8_t *scratch)
{
    const lissom_conv_params *const p = TILE_CONV(q);
    const int32_t pixel = p->in_channels * p->groups * TILE_READ;
    const int32_t y_pixel = p->y_pixel * TILE_ELEMENT; /* of skip too */
    const int32_t apart = p->dilation[2] > 1 || p->groups > 1; /* columns under the kernel are no run */
    int32_t size[3];                                           /* of x with its border */
    const int32_t length = p->in_channels * (apart ? 1 : p->kernel[2]) * TILE_READ;
    int is_copied = TILE_COPIES(length);
    for (int32_t i = 0; i < 3; ++i) {
        const int32_t reach = (p->out[i] - 1) * p->stride[i] + (p->kernel[i] - 1) * p->dilation[i] + 1;
        size[i] = lissom_larger(reach, p->pad[i] + p->in[i]);
        is_copied |= size[i] > p->in[i];
    }
    const walk walks = {
        {p->kernel[0], p->kernel[1], apart ? p->kernel[2] : 1},
        {p->dilation[0] * size[1] * size[2] * pixel, p->dilation[1] * size[2] * pixel, p->dilation[2] * pixel},
        length,
    };
    const int32_t step = LISSOM_STEP ? LISSOM_STEP : p->stride[2] * pixel;
    const int32_t taps = p->kernel[0] * p->kernel[1] * walks.runs[2];
    const int32_t panel_bytes = CHANNELS * (TILE_HEAD + taps * TILE_RUN(length));
    tiles_begin();
    for (int32_t n = 0; n < p->batch; ++n) {
        const uint8_t *const image = x + n * p->in[0] * p->in[1] * p->in[2] * (pixel / TILE_READ * TILE_ELEMENT);
        const uint8_t *const from = is_copied ? padded(q, image, scratch, size) : image;
        const uint8_t *panel = w;
        for (int32_t g = 0; g < p->groups; ++g) {
            for (int32_t o = 0; o < p->out_channels; o += CHANNELS, panel += panel_bytes) {
                const int32_t channels = lissom_smaller(CHANNELS, p->out_channels - o);
                for (int32_t row = 0; row < p->out[0] * p->out[1]; ++row) {
                    const int32_t d = row / p->out[1] * p->stride[0];
                    const int32_t h = row % p->out[1] * p->stride[1];
                    const uint8_t *const start = from + ((d * size[1] + h) * size[2]) * pixel +
                                                 g * p->in_channels * TILE_READ;
                    const int32_t first = (n * p->out[0] * p->out[1] + row) * p->out[2];
                    for (int32_t c = 0; c < p->out[2]; c += LISSOM_ROWS) {
                        /* The last tile may overlap the one before: the same bytes once more. */
                        const int32_t column = lissom_smaller(c, p->out[2] - LISSOM_ROWS);
                        const int32_t to = (first + column) * y_pixel + (g * p->out_channels + o) * TILE_ELEMENT;
                        tile(q, &walks, start + column * step, step, panel, skip ? skip + to : NULL, y + to, y_pixel,
                             channels);
                    }
                }
            }
        }
    }
    tiles_end();
}

#endif
