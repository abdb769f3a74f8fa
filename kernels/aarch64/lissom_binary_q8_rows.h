/* Arithmetic of signed bytes, on rows that lie together: y = a + b, with LISSOM_MINUS a - b, with LISSOM_TIMES a * b. */
#include "lissom_finish_q8.h"
#include "lissom_quantize.h"

/* Sixteen bytes less a zero point, as words. */
LISSOM_INLINE void centred(const uint8_t *x, int16x8_t zero, int16x8_t *to)
{
    const int8x16_t bytes = vld1q_s8((const int8_t *)x);
    to[0] = vsubq_s16(vmovl_s8(vget_low_s8(bytes)), zero);
    to[1] = vsubq_s16(vmovl_high_s8(bytes), zero);
}

/* What four of them come to, before the zero point of the result is added. */
LISSOM_INLINE lissom_vi combined(const lissom_binary_q8_params *p, int16x4_t a, int16x4_t b)
{
#if LISSOM_TIMES
    return lissom_finish_q8_scaled(vmull_s16(a, b), lissom_vf_set(p->multiplier));
#else
    const lissom_vf u = vmulq_f32(vcvtq_f32_s32(vmovl_s16(a)), lissom_vf_set(p->a_ratio));
    const lissom_vf v = vmulq_f32(vcvtq_f32_s32(vmovl_s16(b)), lissom_vf_set(p->b_ratio));
    return lissom_vi_round(LISSOM_MINUS ? vsubq_f32(u, v) : vaddq_f32(u, v));
#endif
}

LISSOM_INLINE void sixteen(const lissom_binary_q8_params *p, const lissom_finish_q8 *f, const uint8_t *a, const uint8_t *b,
                           uint8_t *y)
{
    int16x8_t u[2];
    int16x8_t v[2];
    centred(a, vdupq_n_s16((int16_t)(p->a.zero - 128)), u);
    centred(b, vdupq_n_s16((int16_t)(p->b.zero - 128)), v);
    const lissom_vi values[4] = {
        combined(p, vget_low_s16(u[0]), vget_low_s16(v[0])), combined(p, vget_high_s16(u[0]), vget_high_s16(v[0])),
        combined(p, vget_low_s16(u[1]), vget_low_s16(v[1])), combined(p, vget_high_s16(u[1]), vget_high_s16(v[1]))};
    lissom_finish_q8_pack(f, values, y);
}

void LISSOM_KERNEL(const lissom_binary_q8_params *q, const uint8_t *a, const uint8_t *b, uint8_t *y)
{
    const lissom_binary_q8_params copy = *q; /* which y cannot be */
    const lissom_binary_q8_params *const p = &copy;
    const lissom_finish_q8 f = lissom_finish_q8_of(&p->y, NULL);
    const int32_t last = p->rank - 1;
    const int32_t n = p->size[last];
    const int32_t whole = n - n % 16;
    int32_t index[LISSOM_MAX_RANK] = {0};
    int32_t rows = 1;
    int32_t ia = 0;
    int32_t ib = 0;
    for (int32_t axis = 0; axis < last; ++axis) {
        rows *= p->size[axis];
    }
    for (int32_t row = 0; row < rows; ++row, y += n) {
        for (int32_t i = 0; i < whole; i += 16) {
            sixteen(p, &f, a + ia + i, b + ib + i, y + i);
        }
        if (whole < n) {
            uint8_t rest[3][16] = {{0}, {0}, {0}};
            memcpy(rest[0], a + ia + whole, (size_t)(n - whole));
            memcpy(rest[1], b + ib + whole, (size_t)(n - whole));
            sixteen(p, &f, rest[0], rest[1], rest[2]);
            memcpy(y + whole, rest[2], (size_t)(n - whole));
        }
        lissom_step(last, p->size, index, p->a_stride, &ia, p->b_stride, &ib);
    }
}

LISSOM_LEVEL_END
