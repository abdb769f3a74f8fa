/* Maximum of bytes in a window, channels last, in a register: BLOCK channels at a time, the last of which may be some of those
 * before, the same bytes once more. LISSOM_HEIGHT and LISSOM_WIDTH are the kernel's; LISSOM_SIGNED says which bytes. */
#include "lissom_pool.h"

#if LISSOM_SIGNED
typedef int8_t element;
#define LEAST INT8_MIN
#else
typedef uint8_t element;
#define LEAST 0
#endif

#include "lissom_byte_block.h"

/* One block of a window of `height` rows by `width` columns, so many elements apart. */
static inline void window(const element *x, int32_t height, int32_t row, int32_t width, int32_t column, element *y)
{
    block most = block_set(LEAST);
    for (int32_t h = 0; h < height; ++h) {
        for (int32_t w = 0; w < width; ++w) {
            most = block_larger(most, block_load(x + h * row + w * column));
        }
    }
    block_store(y, most);
}

static inline void pool(const lissom_pool_params *p, const element *x, element *y)
{
    const int32_t line = p->in[2] * p->x_pixel;
    const int32_t down = p->dilation[1] * line;
    const int32_t along = p->dilation[2] * p->x_pixel;
    for (int32_t row = 0; row < p->batch * p->out[1]; ++row) {
        int32_t top, bottom;
        (void)lissom_window(p, 1, row % p->out[1], &top, &bottom);
        const element *const image = x + row / p->out[1] * p->in[1] * line;
        const element *const first = image + (row % p->out[1] * p->stride[1] - p->pad[1] + top * p->dilation[1]) * line;
        for (int32_t o = 0; o < p->out[2]; ++o, y += p->y_pixel) {
            int32_t left, right;
            (void)lissom_window(p, 2, o, &left, &right);
            const element *const at = first + (o * p->stride[2] - p->pad[2] + left * p->dilation[2]) * p->x_pixel;
            const int32_t whole = bottom - top == LISSOM_HEIGHT && right - left == LISSOM_WIDTH;
            for (int32_t c = 0; c < p->channels; c += BLOCK) {
                const int32_t from = lissom_smaller(c, p->channels - BLOCK);
                if (whole) {
                    window(at + from, LISSOM_HEIGHT, down, LISSOM_WIDTH, along, y + from);
                } else {
                    window(at + from, bottom - top, down, right - left, along, y + from);
                }
            }
        }
    }
}

#if LISSOM_SIGNED
void LISSOM_KERNEL(const lissom_pool_params *p, const int8_t *x, int8_t *y) { pool(p, x, y); }
#else
void LISSOM_KERNEL(const lissom_pool_params *p, const uint8_t *x, uint8_t *y) { pool(p, x, y); }
#endif

LISSOM_LEVEL_END
