/* The walk of a convolution over columns: those of some pixels are put side by side, then `compute`, which is defined
 * before this is included, makes all output channels of these. So are
 *
 *     ABREAST            output channels that are made at once
 *     PANEL(groups)      bytes of weights of an output channel, where there are groups of channels
 *     TOGETHER           units along a column that `compute` takes at once; it is told how many times
 *     RESULT             bytes of a result
 *     PARTIAL            whether `compute` leaves out pixels that are not there
 *     columns_outputs    what `compute` is told, made by `columns_outputs_of`
 *     columns_end        results of a pixel to where they belong, where they do not go there at once: `late` says that
 *                        there is more to do to all of them */
#ifndef LISSOM_COLUMNS_WALK_H
#define LISSOM_COLUMNS_WALK_H

/* `zero` is what x is outside, and `ending` is of the result. */
static inline void walk(const lissom_conv_params *p, int32_t zero, int32_t ending, const uint8_t *x, const uint8_t *w,
                        int late, const columns_addend *add, const uint8_t *skip, uint8_t *y, void *scratch)
{
    const int32_t taps = columns_taps(p);
    const int32_t runs = p->kernel[0] * p->kernel[1] * (p->kernel[2] / taps);
    const int32_t groups = (runs * ((taps * p->in_channels + UNIT - 1) / UNIT) + TOGETHER - 1) / TOGETHER;
    const int32_t channels = (p->out_channels + ABREAST - 1) / ABREAST * ABREAST;
    const int32_t panel = channels * PANEL(groups);
    const int32_t positions = p->out[0] * p->out[1] * p->out[2];
    uint8_t *const columns = scratch;
    uint8_t *const tile = columns + groups * TOGETHER * COLUMNS_STEP; /* results that are not yet where they belong */
    uint8_t *const border = tile + LISSOM_PIXELS * channels * RESULT;
    memset(tile - (TOGETHER - 1) * COLUMNS_STEP, 0, (TOGETHER - 1) * COLUMNS_STEP); /* what may not be there */
    for (int32_t ng = 0; ng < p->batch * p->groups; ++ng) {
        const int32_t n = ng / p->groups;
        const int32_t g = ng % p->groups;
        const uint8_t *const image = x + n * p->in[0] * p->in[1] * p->in[2] * p->x_pixel * ELEMENT + g * p->in_channels * ELEMENT;
        columns_pixel pixel_at = {0, 0, 0};
        for (int32_t first = 0; first < positions; first += LISSOM_PIXELS) {
            const int32_t held = lissom_smaller(LISSOM_PIXELS, positions - first);
            const int32_t at = n * positions + first;
            columns_fill(p, image, zero, pixel_at, held, columns, border);
            for (int32_t i = 0; i < held; ++i) {
                columns_next(p, &pixel_at);
            }
            uint8_t *const to = y + (at * p->y_pixel + g * p->out_channels) * RESULT;
            const int is_direct = !late && channels == p->out_channels && (PARTIAL || held == LISSOM_PIXELS);
            uint8_t *const begin = is_direct ? to : tile;
            columns_outputs o = columns_outputs_of(groups, held, (is_direct ? p->y_pixel : channels) * RESULT, ending,
                                                   begin + channels * RESULT);
            compute(columns, w + g * panel, begin, &o);
            for (int32_t i = 0; i < held && !is_direct; ++i) {
                const uint8_t *const other =
                    skip == NULL ? NULL : skip + ((at + i) * p->skip_pixel + g * p->out_channels) * RESULT;
                columns_end(add, tile + i * channels * RESULT, other, to + i * p->y_pixel * RESULT, p->out_channels);
            }
        }
    }
}

#endif
