/* Bytes between two orders: four channels after another for each pixel, and a vector of pixels for each four channels. */
#ifndef LISSOM_INTERLEAVE_H
#define LISSOM_INTERLEAVE_H

/* Row i, lane j becomes row j, lane i. */
LISSOM_INLINE void lissom_transpose(lissom_vi *rows)
{
    const int32x4_t a[4] = {vzip1q_s32(rows[0], rows[2]), vzip2q_s32(rows[0], rows[2]), vzip1q_s32(rows[1], rows[3]),
                            vzip2q_s32(rows[1], rows[3])};
    rows[0] = vzip1q_s32(a[0], a[2]);
    rows[1] = vzip2q_s32(a[0], a[2]);
    rows[2] = vzip1q_s32(a[1], a[3]);
    rows[3] = vzip2q_s32(a[1], a[3]);
}

/* Sixteen bytes each of four pixels become four each of all, for one vector after the other as dot products read them; or
 * where there are none, two of each and then the next two (lissom_pair_products.h). */
LISSOM_INLINE void lissom_lay_out(lissom_vi *rows)
{
#if LISSOM_PRODUCTS > 1
    lissom_transpose(rows);
#else
    int16x8_t of[4];
    LISSOM_UNROLL
    for (int32_t i = 0; i < 4; ++i) {
        of[i] = vreinterpretq_s16_s32(rows[i]);
    }
    const int16x8_t a[4] = {vzip1q_s16(of[0], of[2]), vzip2q_s16(of[0], of[2]), vzip1q_s16(of[1], of[3]),
                            vzip2q_s16(of[1], of[3])};
    rows[0] = vreinterpretq_s32_s16(vzip1q_s16(a[0], a[2]));
    rows[1] = vreinterpretq_s32_s16(vzip2q_s16(a[0], a[2]));
    rows[2] = vreinterpretq_s32_s16(vzip1q_s16(a[1], a[3]));
    rows[3] = vreinterpretq_s32_s16(vzip2q_s16(a[1], a[3]));
#endif
}

#include "lissom_some_bytes.h"

/* Four vectors of integers as bytes, zero added, saturated, in their order. */
LISSOM_INLINE lissom_vi lissom_pack_fours(const lissom_vi *v, int16x8_t zero)
{
    const int16x8_t low = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(v[0]), v[1]), zero);
    const int16x8_t high = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(v[2]), v[3]), zero);
    return vreinterpretq_s32_s8(vqmovn_high_s16(vqmovn_s16(low), high));
}

/* Such bytes of four channels: in vector i, those of what was vector i, the four channels of each lane together. */
LISSOM_INLINE void lissom_zip_fours(const lissom_vi *channels, lissom_vi *pixels)
{
    const int8x16_t a = vreinterpretq_s8_s32(channels[0]), b = vreinterpretq_s8_s32(channels[1]);
    const int8x16_t c = vreinterpretq_s8_s32(channels[2]), d = vreinterpretq_s8_s32(channels[3]);
    const int16x8_t low_01 = vreinterpretq_s16_s8(vzip1q_s8(a, b)), low_23 = vreinterpretq_s16_s8(vzip1q_s8(c, d));
    const int16x8_t high_01 = vreinterpretq_s16_s8(vzip2q_s8(a, b)), high_23 = vreinterpretq_s16_s8(vzip2q_s8(c, d));
    pixels[0] = vreinterpretq_s32_s16(vzip1q_s16(low_01, low_23));
    pixels[1] = vreinterpretq_s32_s16(vzip2q_s16(low_01, low_23));
    pixels[2] = vreinterpretq_s32_s16(vzip1q_s16(high_01, high_23));
    pixels[3] = vreinterpretq_s32_s16(vzip2q_s16(high_01, high_23));
}

/* Sixteen bytes each of four rows to the four of each column, as lissom_lay_out leaves them. */
LISSOM_INLINE void lissom_lay_out_columns(lissom_vi *rows)
{
#if LISSOM_PRODUCTS > 1
    const lissom_vi of[4] = {rows[0], rows[1], rows[2], rows[3]};
    lissom_zip_fours(of, rows);
#else
    const int8x16_t a = vreinterpretq_s8_s32(rows[0]), b = vreinterpretq_s8_s32(rows[1]);
    const int8x16_t c = vreinterpretq_s8_s32(rows[2]), d = vreinterpretq_s8_s32(rows[3]);
    const int64x2_t low_01 = vreinterpretq_s64_s8(vzip1q_s8(a, b)), low_23 = vreinterpretq_s64_s8(vzip1q_s8(c, d));
    const int64x2_t high_01 = vreinterpretq_s64_s8(vzip2q_s8(a, b)), high_23 = vreinterpretq_s64_s8(vzip2q_s8(c, d));
    rows[0] = vreinterpretq_s32_s64(vzip1q_s64(low_01, low_23));
    rows[1] = vreinterpretq_s32_s64(vzip2q_s64(low_01, low_23));
    rows[2] = vreinterpretq_s32_s64(vzip1q_s64(high_01, high_23));
    rows[3] = vreinterpretq_s32_s64(vzip2q_s64(high_01, high_23));
#endif
}

#endif
