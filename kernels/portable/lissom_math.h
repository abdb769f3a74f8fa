/* Exponentials and what is made of them, without branches and calls, so that loops over them become vectors: within
 * 2 units in the last place of exp, and 2e-7 of the functions that end at 1. */
#ifndef LISSOM_MATH_H
#define LISSOM_MATH_H

#include <string.h>

#include "lissom_common.h"

/* 2^n for a whole number -126 <= n <= 127. */
static inline float lissom_power_of_two(int32_t n)
{
    const uint32_t bits = (uint32_t)(n + 127) << 23;
    float v;
    memcpy(&v, &bits, 4);
    return v;
}

/* e^x is (p + 1) * a * b, where a and b are powers of two; each alone is in range where their product may not be. */
typedef struct {
    float p, a, b;
} lissom_exp_parts;

/* e^x as 2^n times e^r with |r| <= ln(2) / 2, and that by Taylor's series: what follows the seventh power is below 6e-9.
 * ln(2) is subtracted in two parts, the first of few bits, so that its product with n is exact (Cody and Waite, "Software
 * Manual for the Elementary Functions", 1980). Adding 1.5 * 2^23 rounds, and leaves n in the low bits. */
static inline lissom_exp_parts lissom_exp_of(float x)
{
    const float magic = 12582912.0f;
    const float above = x < -104.0f ? -104.0f : x;
    const float bounded = above > 89.0f ? 89.0f : above;
    const float shifted = bounded * 1.44269504f + magic;
    const float n = shifted - magic;
    const float r = (bounded - n * 0.693359375f) + n * 2.12194440e-4f;
    uint32_t bits;
    memcpy(&bits, &shifted, 4);
    const int32_t whole = (int32_t)(bits - 0x4b400000u);
    const int32_t half = whole >> 1;
    float p = 1.98412698e-4f;
    p = p * r + 1.38888889e-3f;
    p = p * r + 8.33333333e-3f;
    p = p * r + 4.16666667e-2f;
    p = p * r + 1.66666667e-1f;
    p = p * r + 0.5f;
    p = (p * r) * r + r;
    const lissom_exp_parts parts = {p, lissom_power_of_two(half), lissom_power_of_two(whole - half)};
    return parts;
}

static inline float lissom_exp(float x)
{
    const lissom_exp_parts e = lissom_exp_of(x);
    return (e.p + 1.0f) * e.a * e.b;
}

/* e^x - 1, for x <= 0. Near 0 the power is 1, and nothing cancels. */
static inline float lissom_expm1(float x)
{
    const lissom_exp_parts e = lissom_exp_of(x);
    const float scale = e.a * e.b;
    return e.p * scale + (scale - 1.0f);
}

static inline float lissom_sigmoid(float x) { return 1.0f / (1.0f + lissom_exp(-x)); }

/* From e^-2|x| - 1, which is exact enough near 0. */
static inline float lissom_tanh(float x)
{
    const float size = x < 0.0f ? -x : x;
    const float m = lissom_expm1(-2.0f * size);
    const float t = -m / (m + 2.0f);
    return x < 0.0f ? -t : t;
}

/* Near 0 by Taylor's series; else 1 - P(t) e^-x^2 with t = 1 / (1 + 0.3275911 x): Abramowitz and Stegun, "Handbook of
 * Mathematical Functions", 7.1.26, within 1.5e-7. */
static inline float lissom_erf(float x)
{
    const float size = x < 0.0f ? -x : x;
    const float s = x * x;
    const float t = 1.0f / (1.0f + 0.3275911f * size);
    float p = 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    const float far = 1.0f - p * t * lissom_exp(-s);
    float near = 1.20552e-4f;
    near = near * s - 8.5483e-4f;
    near = near * s + 5.2239776e-3f;
    near = near * s - 2.68661706e-2f;
    near = near * s + 1.12837917e-1f;
    near = near * s - 3.76126389e-1f;
    near = (near * s + 1.12837917f) * size;
    const float v = size < 0.5f ? near : far;
    return x < 0.0f ? -v : v;
}

/* x tanh(log(1 + e^x)), which is x n / (n + 2) with n = e^x (e^x + 2). */
static inline float lissom_mish(float x)
{
    const float e = lissom_exp(x > 20.0f ? 20.0f : x);
    const float n = e * (e + 2.0f);
    return x * (n / (n + 2.0f));
}

#endif
