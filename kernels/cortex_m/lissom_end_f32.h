/* What comes after sums of floats: a Relu, which kernels see to, or else another operand and bounds. */
#ifndef LISSOM_END_F32_H
#define LISSOM_END_F32_H

#include <math.h>

#include "lissom_conv.h"

static inline int lissom_is_relu(const lissom_conv_params *p) { return p->low >= 0.0f && p->low <= 0.0f && p->high >= INFINITY; }

/* Whether there are bounds that a Relu does not keep. */
static inline int lissom_is_bound(const lissom_conv_params *p)
{
    return !lissom_is_relu(p) && (p->low > -INFINITY || p->high < INFINITY);
}

/* Adds to n floats those of `skip`, where there is one, and keeps them within bounds. */
static inline void lissom_end_floats(const lissom_conv_params *p, const uint8_t *from, const uint8_t *skip, uint8_t *to,
                                     int32_t n)
{
    for (int32_t i = 0; i < n; ++i) {
        float sum;
        memcpy(&sum, from + 4 * i, 4);
        if (skip != NULL) {
            float other;
            memcpy(&other, skip + 4 * i, 4);
            sum += other;
        }
        sum = sum < p->low ? p->low : sum;
        sum = sum > p->high ? p->high : sum;
        memcpy(to + 4 * i, &sum, 4);
    }
}

/* Assembly: of two floats, those below 0 become 0. */
#define LISSOM_RELU(two) \
    LISSOM_LINE("vmov r3, r9, " two) LISSOM_LINE("bic r3, r3, r3, asr #31") LISSOM_LINE("bic r9, r9, r9, asr #31") \
    LISSOM_LINE("vmov " two ", r3, r9")

#endif
