/* float32 arithmetic, one IEEE 754 operation a function, rounded to nearest even: the steps of docs/numerics.md.
 *
 * Where there is no floating point unit (LISSOM_NO_FPU) integers compute the same results. That is several times fewer
 * instructions than the general functions a compiler would call, since a value stays taken apart between two steps, and
 * what cannot occur is left out: results that are infinite, not numbers or below 2^-126. */
#ifndef LISSOM_REAL_H
#define LISSOM_REAL_H

#include <math.h>
#include <string.h>

#include "lissom_common.h"

#if defined(__arm__) && !defined(__ARM_FP) && !defined(LISSOM_NO_FPU)
#define LISSOM_NO_FPU
#endif

#ifndef LISSOM_NO_FPU

typedef float lissom_real;

static inline lissom_real lissom_real_of(float v) { return v; }
static inline lissom_real lissom_real_from(int32_t v) { return (float)v; }
static inline lissom_real lissom_real_from_long(int64_t v) { return (float)v; }
static inline lissom_real lissom_real_mul(lissom_real a, lissom_real b) { return a * b; }
static inline lissom_real lissom_real_div(lissom_real a, lissom_real b) { return a / b; }
static inline lissom_real lissom_real_add(lissom_real a, lissom_real b) { return a + b; }
static inline lissom_real lissom_real_neg(lissom_real a) { return -a; }
static inline lissom_real lissom_real_sqrt(lissom_real a) { return sqrtf(a); }

/* The nearest integer between low and high, whole numbers both; exact for |low|, |high| < 2^22: adding 1.5 * 2^23 leaves
 * no bits below the point. */
static inline int32_t lissom_real_round(lissom_real v, float low, float high)
{
    const float magic = 12582912.0f;
    const float above = v > low ? v : low;
    const float clamped = above < high ? above : high;
    return (int32_t)((clamped + magic) - magic);
}

#else

/* m * 2^e, with 2^23 <= |m| <= 2^24, or m = 0. */
typedef struct {
    int32_t m;
    int32_t e;
} lissom_real;

static inline int32_t lissom_real_leading_zeros(uint32_t v)
{
#if defined(__GNUC__)
    return __builtin_clz(v);
#else
    int32_t n = 0;
    for (; !(v & 0x80000000u); v <<= 1) {
        ++n;
    }
    return n;
#endif
}

static inline lissom_real lissom_real_signed(int negative, uint32_t m, int32_t e)
{
    const lissom_real v = {negative ? -(int32_t)m : (int32_t)m, e};
    return v;
}

/* p / 2^s, to nearest even; s > 0. */
static inline uint32_t lissom_real_shift(uint64_t p, int32_t s)
{
    return (uint32_t)((p + ((uint64_t)1 << (s - 1)) - 1 + ((p >> s) & 1)) >> s);
}

/* +-p * 2^e, p < 2^62, rounded to 24 bits. */
static inline lissom_real lissom_real_normal(int negative, uint64_t p, int32_t e)
{
    const uint32_t high = (uint32_t)(p >> 32);
    if (p == 0) {
        return lissom_real_signed(0, 0, 0);
    }
    const int32_t s = 40 - (high ? lissom_real_leading_zeros(high) : 32 + lissom_real_leading_zeros((uint32_t)p));
    if (s <= 0) {
        return lissom_real_signed(negative, (uint32_t)p << -s, e + s);
    }
    return lissom_real_signed(negative, lissom_real_shift(p, s), e + s);
}

static inline uint32_t lissom_real_size(lissom_real a) { return (uint32_t)(a.m < 0 ? -a.m : a.m); }

static inline lissom_real lissom_real_of(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, 4);
    const int32_t exponent = (int32_t)(bits >> 23 & 255);
    const uint32_t fraction = bits & 0x7fffff;
    if (exponent == 0) {
        return lissom_real_normal(bits >> 31 != 0, fraction, -149);
    }
    return lissom_real_signed(bits >> 31 != 0, fraction | 0x800000, exponent - 150);
}

static inline lissom_real lissom_real_from(int32_t v)
{
    return lissom_real_normal(v < 0, v < 0 ? 0 - (uint32_t)v : (uint32_t)v, 0);
}

static inline lissom_real lissom_real_from_long(int64_t v)
{
    return lissom_real_normal(v < 0, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 0);
}

static inline lissom_real lissom_real_mul(lissom_real a, lissom_real b)
{
    const uint64_t p = (uint64_t)lissom_real_size(a) * lissom_real_size(b);
    const int32_t s = p >> 47 ? 24 : 23;
    return lissom_real_signed((a.m ^ b.m) < 0, lissom_real_shift(p, s), a.e + b.e + s);
}

static inline lissom_real lissom_real_div(lissom_real a, lissom_real b)
{
    const uint64_t p = (uint64_t)lissom_real_size(a) << 27;
    const uint64_t q = p / lissom_real_size(b);
    const uint64_t inexact = q * lissom_real_size(b) != p; /* below the last bit, which is not the one that rounds */
    return lissom_real_normal((a.m ^ b.m) < 0, q | inexact, a.e - b.e - 27);
}

static inline lissom_real lissom_real_neg(lissom_real a)
{
    const lissom_real v = {-a.m, a.e};
    return v;
}

static inline lissom_real lissom_real_add(lissom_real a, lissom_real b)
{
    const lissom_real large = a.m == 0 || (b.m != 0 && a.e < b.e) ? b : a;
    const lissom_real small = a.m == 0 || (b.m != 0 && a.e < b.e) ? a : b;
    if (small.m == 0 || large.e - small.e > 30) {
        return large;
    }
    const int64_t sum = (int64_t)large.m * ((int64_t)1 << (large.e - small.e)) + small.m;
    return lissom_real_normal(sum < 0, sum < 0 ? 0 - (uint64_t)sum : (uint64_t)sum, small.e);
}

/* Of a >= 0: digit by digit, two bits more than are kept, and one that says whether there would be further ones. */
static inline lissom_real lissom_real_sqrt(lissom_real a)
{
    const int32_t odd = a.e & 1;
    uint64_t rest = (uint64_t)(uint32_t)a.m << (28 + odd);
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 52; bit != 0; bit >>= 2) {
        if (rest >= root + bit) {
            rest -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return lissom_real_normal(0, root << 1 | (rest != 0), (a.e - odd - 28) / 2 - 1);
}

/* A whole number below 2^22. */
static inline int32_t lissom_real_whole(float v)
{
    const lissom_real a = lissom_real_of(v);
    const int32_t size = a.m == 0 ? 0 : (int32_t)(lissom_real_size(a) >> -a.e);
    return a.m < 0 ? -size : size;
}

/* The nearest integer between low and high, whole numbers both, |low|, |high| < 2^22. */
static inline int32_t lissom_real_round(lissom_real v, float low, float high)
{
    const int32_t below = lissom_real_whole(low);
    const int32_t above = lissom_real_whole(high);
    int32_t rounded = 0;
    if (v.e >= 0) {
        rounded = v.m < 0 ? below : v.m > 0 ? above : 0;
    } else if (v.e >= -25) {
        rounded = (int32_t)lissom_real_shift(lissom_real_size(v), -v.e);
        rounded = v.m < 0 ? -rounded : rounded;
    }
    return lissom_smaller(lissom_larger(rounded, below), above);
}

#endif

#endif
