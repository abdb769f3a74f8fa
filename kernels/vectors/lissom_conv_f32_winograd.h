/* Convolution of floats, 3x3 with stride 1, by Winograd's F(4x4, 3x3). The points are 0, +-3/4, +-3/2 and infinity: errors are
 * twice those of plain sums, where 0, +-1, +-2 and infinity make them eight times as large
 * (docs/decisions/0019-float-winograd.md). B and A are exact in floats.
 *
 * A panel begins with the biases of its channels. */
#include "lissom_conv.h"

typedef lissom_conv_params tile_params;
typedef lissom_vf tile_sum;
typedef lissom_conv_params tile_context;
#define TILE_ELEMENT 4
#define TILE_READ 4
#define TILE_HEAD 4
#define TILE_CONV(p) (p)
#define TILE_PAD(p) 0

static inline tile_sum tile_start(const uint8_t *panel, int32_t v)
{
    (void)panel;
    (void)v;
    return lissom_vf_set(0.0f);
}
static inline tile_sum tile_load(const uint8_t *w) { return lissom_vf_load(w); }
static inline tile_sum tile_group(const uint8_t *x)
{
    float v;
    memcpy(&v, x, 4);
    return lissom_vf_set(v);
}
static inline tile_sum tile_few(const uint8_t *x, int32_t n) { return n ? tile_group(x) : lissom_vf_set(0.0f); }
static inline tile_sum tile_dot(tile_sum acc, tile_sum x, tile_sum w) { return lissom_vf_fma(x, w, acc); }
static inline tile_sum tile_x(const uint8_t *x) { return lissom_vf_load(x); }
static inline tile_sum tile_w(const uint8_t *w) { return lissom_vf_load(w); }
static inline tile_sum tile_add(tile_sum a, tile_sum b) { return lissom_vf_add(a, b); }
static inline void tile_store(uint8_t *to, tile_sum v) { lissom_vf_store_n((void *)to, v, LISSOM_LANES); }

/* a + k b, and k b. */
static inline lissom_vf more(lissom_vf a, float k, lissom_vf b) { return lissom_vf_fma(lissom_vf_set(k), b, a); }
static inline lissom_vf times(float k, lissom_vf b) { return lissom_vf_mul(lissom_vf_set(k), b); }

/* Six rows of patches into the rows of the transformed: B. */
static inline void transform_x(lissom_vf *to, const lissom_vf *d)
{
    const lissom_vf near = more(d[4], -2.25f, d[2]);
    const lissom_vf of_near = more(d[3], -2.25f, d[1]);
    const lissom_vf far = more(d[4], -0.5625f, d[2]);
    const lissom_vf of_far = more(d[3], -0.5625f, d[1]);
    to[0] = more(more(d[4], -2.8125f, d[2]), 1.265625f, d[0]);
    to[1] = more(near, 0.75f, of_near);
    to[2] = more(near, -0.75f, of_near);
    to[3] = more(far, 1.5f, of_far);
    to[4] = more(far, -1.5f, of_far);
    to[5] = more(more(d[5], -2.8125f, d[3]), 1.265625f, d[1]);
}

/* Three rows of a kernel: G. */
static inline void transform_w(lissom_vf *to, const lissom_vf *g)
{
    const lissom_vf near = more(times(-128.0f / 243, g[0]), -8.0f / 27, g[2]);
    const lissom_vf far = more(times(32.0f / 243, g[0]), 8.0f / 27, g[2]);
    to[0] = times(64.0f / 81, g[0]);
    to[1] = more(near, -32.0f / 81, g[1]);
    to[2] = more(near, 32.0f / 81, g[1]);
    to[3] = more(far, 16.0f / 81, g[1]);
    to[4] = more(far, -16.0f / 81, g[1]);
    to[5] = g[2];
}

/* Six rows of sums into four rows of results: A. */
static inline void transform_y(lissom_vf *to, const lissom_vf *m)
{
    const lissom_vf near = lissom_vf_add(m[1], m[2]);
    const lissom_vf far = lissom_vf_add(m[3], m[4]);
    const lissom_vf of_near = lissom_vf_sub(m[1], m[2]);
    const lissom_vf of_far = lissom_vf_sub(m[3], m[4]);
    to[0] = lissom_vf_add(m[0], lissom_vf_add(near, far));
    to[1] = more(times(0.75f, of_near), 1.5f, of_far);
    to[2] = more(times(0.5625f, near), 2.25f, far);
    to[3] = more(more(m[5], 0.421875f, of_near), 3.375f, of_far);
}

typedef lissom_vf tile_head;
static inline tile_head tile_of(const uint8_t *bias) { return lissom_vf_load(bias); }

/* Four results of a row, of which there are `columns` in the image, for n channels. */
static inline void tile_finish(const tile_context *p, const tile_sum *row, const tile_head *bias, const uint8_t *skip,
                               int32_t skip_pixel, uint8_t *y, int32_t y_pixel, int32_t columns, int32_t n)
{
    const lissom_vf low = lissom_vf_set(p->low);
    const lissom_vf high = lissom_vf_set(p->high);
    LISSOM_UNROLL
    for (int32_t j = 0; j < 4; ++j) {
        if (j < columns) {
            const lissom_vf sum = lissom_vf_add(row[j], *bias);
            const lissom_vf all = skip ? lissom_vf_add(sum, lissom_vf_load_n((const void *)(skip + j * skip_pixel), n)) : sum;
            lissom_vf_store_n((void *)(y + j * y_pixel), lissom_vf_min(lissom_vf_max(all, low), high), n);
        }
    }
}

#include "lissom_winograd.h"

void LISSOM_KERNEL(const lissom_conv_params *p, const float *x, const float *w, const float *b, const float *skip,
                   float *y, void *scratch)
{
    (void)b;
    convolve(p, p, (const void *)x, (const void *)w, (const void *)skip, (void *)y, scratch);
}

LISSOM_LEVEL_END
