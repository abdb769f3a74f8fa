/* Exact int32 sums to 8-bit values: docs/numerics.md, one IEEE float32 operation a step.
 *
 * 8-bit tensors are read as bytes: `byte ^ flip` is the value plus 128 for int8 (flip 0x80) and the value itself for
 * uint8 (flip 0), so one kernel serves both; the zero point in a parameter struct is shifted alike.
 */
#ifndef LISSOM_REQUANTIZE_H
#define LISSOM_REQUANTIZE_H

#include "lissom_real.h"

typedef struct {
    int32_t flip; /* 0x80 for int8, 0 for uint8 */
    int32_t zero; /* zero point, plus 128 for int8 */
} lissom_q8_input;

typedef struct {
    float low;    /* smallest value of the type, minus the zero point */
    float high;   /* largest value of the type, minus the zero point */
    int32_t zero; /* zero point */
} lissom_q8_output;

/* An addition that follows at once: y = saturate(result * ratio + (skip - its zero point) * skip_ratio). */
typedef struct {
    int32_t flip;
    int32_t zero;
    float ratio;
    float skip_ratio;
    lissom_q8_output y;
} lissom_q8_residual;

/* The value less its zero point. */
static inline int32_t lissom_centred(uint8_t byte, int32_t flip, int32_t zero)
{
    return (int32_t)((uint32_t)byte ^ (uint32_t)flip) - zero;
}

/* saturate(round(v) + zero) - zero. Clamping to whole numbers first gives the same as clamping last. */
static inline int32_t lissom_saturated(lissom_real v, const lissom_q8_output *q)
{
    return lissom_real_round(v, q->low, q->high);
}

/* saturate(round(v) + zero) as a byte. */
static inline uint8_t lissom_saturate(lissom_real v, const lissom_q8_output *q)
{
    return (uint8_t)((lissom_saturated(v, q) + q->zero) & 255);
}

static inline lissom_real lissom_scaled(int32_t v, float ratio)
{
    return lissom_real_mul(lissom_real_from(v), lissom_real_of(ratio));
}

static inline uint8_t lissom_requantize(int32_t acc, float multiplier, const lissom_q8_output *q)
{
    return lissom_saturate(lissom_scaled(acc, multiplier), q);
}

/* Requantization, then the addition of *skip where there is one. */
static inline uint8_t lissom_requantize_add(int32_t acc, float multiplier, const lissom_q8_output *q,
                                            const uint8_t *skip, const lissom_q8_residual *add)
{
    if (skip == NULL) {
        return lissom_requantize(acc, multiplier, q);
    }
    const lissom_real a = lissom_scaled(lissom_saturated(lissom_scaled(acc, multiplier), q), add->ratio);
    const lissom_real b = lissom_scaled(lissom_centred(*skip, add->flip, add->zero), add->skip_ratio);
    return lissom_saturate(lissom_real_add(a, b), &add->y);
}

#endif
