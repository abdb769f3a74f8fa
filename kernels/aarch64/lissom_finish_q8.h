/* From exact sums to bytes, four vectors at a time: requantization, and where a residual block ends here, its addition
 * (docs/numerics.md). Values saturate where they are narrowed: to 32 bits, when they are rounded, to 16 bits, when the zero
 * point is added, and to 8 bits, which is the same as clamping them first. */
#ifndef LISSOM_FINISH_Q8_H
#define LISSOM_FINISH_Q8_H

#include "lissom_requantize.h"

typedef struct {
    int16x8_t zero;     /* of the result */
    lissom_vf low_before; /* from here on: of an addition, where there is one */
    lissom_vf high_before;
    lissom_vi skip_zero;
    lissom_vf ratio;
    lissom_vf skip_ratio;
    lissom_vf high; /* what rounding needs no bound for */
} lissom_finish_q8;

static inline lissom_finish_q8 lissom_finish_q8_of(const lissom_q8_output *y, const lissom_q8_residual *add)
{
    const lissom_q8_output *const last = add ? &add->y : y;
    const lissom_finish_q8 f = {
        vdupq_n_s16((int16_t)last->zero),
        lissom_vf_set(y->low),
        lissom_vf_set(y->high),
        lissom_vi_set(add ? add->zero - 128 : 0),
        lissom_vf_set(add ? add->ratio : 0.0f),
        lissom_vf_set(add ? add->skip_ratio : 0.0f),
        lissom_vf_set(last->high),
    };
    return f;
}

/* What the sums of a vector of channels come to, rounded, before the zero point is added. */
static inline lissom_vi lissom_finish_q8_scaled(lissom_vi sums, lissom_vf multiplier)
{
    return vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(sums), multiplier));
}

/* The same with `other`, the elements of a second operand, added. */
static inline lissom_vi lissom_finish_q8_added(const lissom_finish_q8 *f, lissom_vi sums, lissom_vf multiplier, lissom_vi other)
{
    const lissom_vf v = vmulq_f32(vcvtq_f32_s32(sums), multiplier);
    const lissom_vf bounded = vrndnq_f32(vminq_f32(vmaxq_f32(v, f->low_before), f->high_before));
    const lissom_vf beside = vmulq_f32(vcvtq_f32_s32(vsubq_s32(other, f->skip_zero)), f->skip_ratio);
    return vcvtnq_s32_f32(vaddq_f32(vmulq_f32(bounded, f->ratio), beside));
}

static inline lissom_vi lissom_finish_q8_round(const lissom_finish_q8 *f, lissom_vi sums, lissom_vf multiplier,
                                               const uint8_t *skip, int32_t n)
{
    return skip ? lissom_finish_q8_added(f, sums, multiplier, lissom_vi_bytes(skip, n))
                : lissom_finish_q8_scaled(sums, multiplier);
}

/* Bytes as the result has them: they are signed already. */
static inline lissom_vi lissom_finish_q8_flip(const lissom_finish_q8 *f, lissom_vi bytes)
{
    (void)f;
    return bytes;
}

/* The bytes of four vectors, in their order. */
static inline int8x16_t lissom_finish_q8_bytes(const lissom_finish_q8 *f, const lissom_vi *values)
{
    const int16x8_t low = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(values[0]), values[1]), f->zero);
    const int16x8_t high = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(values[2]), values[3]), f->zero);
    return vqmovn_high_s16(vqmovn_s16(low), high);
}

static inline void lissom_finish_q8_pack(const lissom_finish_q8 *f, const lissom_vi *values, uint8_t *bytes)
{
    vst1q_u8(bytes, vreinterpretq_u8_s8(lissom_finish_q8_bytes(f, values)));
}

#endif
