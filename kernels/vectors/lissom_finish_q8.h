/* From exact sums to bytes, four vectors at a time: requantization, and where a residual block ends here, its addition
 * (docs/numerics.md). Values saturate where they are packed: to 16 bits, when the zero point is added, and to 8 bits,
 * which is the same as clamping them first. Only what is too large for int32 has to be cut off before it is rounded, which
 * LISSOM_BOUNDED says there is none of among sums times their multipliers. */
#ifndef LISSOM_FINISH_Q8_H
#define LISSOM_FINISH_Q8_H

#include "lissom_requantize.h"

#ifndef LISSOM_BOUNDED
#define LISSOM_BOUNDED 0
#endif

typedef struct {
    lissom_vf high;  /* of what is rounded last */
    lissom_vi zero;  /* of the result, in 16-bit lanes, plus 128 for int8 */
    lissom_vi flip;  /* 0x80 in every byte for int8 */
    lissom_vf low_before; /* from here on: of an addition, where there is one */
    lissom_vf high_before;
    lissom_vi skip_zero;
    lissom_vf ratio;
    lissom_vf skip_ratio;
} lissom_finish_q8;

static inline lissom_finish_q8 lissom_finish_q8_of(const lissom_q8_output *y, const lissom_q8_residual *add)
{
    const lissom_q8_output *const last = add ? &add->y : y;
    const int32_t flip = last->low + (float)last->zero < 0.0f ? 0x80 : 0;
    const lissom_finish_q8 f = {
        lissom_vf_set(last->high),
        lissom_vi_set_16(last->zero + flip),
        lissom_vi_set(flip * 0x01010101),
        lissom_vf_set(y->low),
        lissom_vf_set(y->high),
        lissom_vi_set(add ? add->zero : 0),
        lissom_vf_set(add ? add->ratio : 0.0f),
        lissom_vf_set(add ? add->skip_ratio : 0.0f),
    };
    return f;
}

/* What the sums of n channels come to, with skip added where there is one, rounded, before the zero point is added. */
static inline lissom_vi lissom_finish_q8_round(const lissom_finish_q8 *f, lissom_vi sums, lissom_vf multiplier,
                                               const uint8_t *skip, int32_t n)
{
    lissom_vf v = lissom_vf_mul(lissom_vf_of(sums), multiplier);
    if (skip) {
        const lissom_vf bounded = lissom_vf_min(lissom_vf_max(v, f->low_before), f->high_before);
        const lissom_vi other = lissom_vi_sub(lissom_vi_bytes(skip, n), f->skip_zero);
        v = lissom_vf_add(lissom_vf_mul(lissom_vf_of(lissom_vi_round(bounded)), f->ratio),
                          lissom_vf_mul(lissom_vf_of(other), f->skip_ratio));
    }
    return LISSOM_BOUNDED && !skip ? lissom_vi_round(v) : lissom_vi_round(lissom_vf_min(v, f->high));
}

/* Bytes with the offset that the result has them with. */
static inline lissom_vi lissom_finish_q8_flip(const lissom_finish_q8 *f, lissom_vi bytes) { return lissom_vi_xor(bytes, f->flip); }

/* The bytes of four vectors, one behind the other. */
static inline void lissom_finish_q8_pack(const lissom_finish_q8 *f, const lissom_vi *values, uint8_t *bytes)
{
    const lissom_vi packed = lissom_vi_pack(values[0], values[1], values[2], values[3], f->zero);
    lissom_vi_store(bytes, lissom_vi_xor(packed, f->flip));
}

#endif
