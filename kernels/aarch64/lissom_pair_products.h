/* Products of bytes without dot products: in the lower half of a vector are two bytes each of four lanes, in the upper half
 * the next two. The products of two such vectors, of 16 bits, are added in pairs to the sums. With LISSOM_NARROW no weight
 * is -128: two products then fit in 16 bits, and are added first. */
#ifndef LISSOM_PAIR_PRODUCTS_H
#define LISSOM_PAIR_PRODUCTS_H

/* Where the four bytes at lane LANE of a column go. */
LISSOM_INLINE int8x16_t spread(int32_t lane)
{
    const int8x16_t first = vcombine_s8(vcreate_s8(0x0100010001000100u), vcreate_s8(0x0302030203020302u));
    return vaddq_s8(first, vdupq_n_s8((int8_t)(4 * lane)));
}

LISSOM_INLINE lissom_vi add_products(lissom_vi acc, int8x16_t w, int8x16_t x)
{
#if LISSOM_NARROW
    return vpadalq_s16(acc, vmlal_high_s8(vmull_s8(vget_low_s8(w), vget_low_s8(x)), w, x));
#else
    return vpadalq_s16(vpadalq_s16(acc, vmull_s8(vget_low_s8(w), vget_low_s8(x))), vmull_high_s8(w, x));
#endif
}

#endif
