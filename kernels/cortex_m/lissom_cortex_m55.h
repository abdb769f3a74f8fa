/* Level cortex-m55: the vectors of Helium (M-profile vector extension with floats), 128 bits each, eight of them. Whoever
 * compiles for the processor has them; there is no choice to be made in a file.
 *
 * Hot loops are assembly: gcc 12 has no loops that mask their tail, and either compiler would keep sums apart from the
 * even registers that dot products add to. No compiler knows that assembly changes the mask of lanes: C here has no
 * intrinsics that take one. */
#ifndef LISSOM_CORTEX_M55_H
#define LISSOM_CORTEX_M55_H

#include "lissom_common.h"
#include "lissom_level.h"

#if !defined(__ARM_FEATURE_MVE) || __ARM_FEATURE_MVE != 3
#error "this file is for cortex-m55: compile it with -mcpu=cortex-m55 -mfloat-abi=hard"
#endif
#include <arm_mve.h>

#undef LISSOM_LEVEL_END
#define LISSOM_LEVEL_END

#define LISSOM_TEXT_OF(value) #value
#define LISSOM_TEXT(value) LISSOM_TEXT_OF(value)

/* Assembly for each of n times. */
#define LISSOM_REPEAT(n, text) ".rept " LISSOM_TEXT(n) "\n" text ".endr\n"
#define LISSOM_IF(condition, text) ".if " LISSOM_TEXT(condition) "\n" text ".endif\n"

/* Floats by the names of all instruction sets. */
#define LISSOM_LANES 4
typedef float32x4_t lissom_vf;

static inline lissom_vf lissom_vf_load(const void *p) { return vld1q_f32(p); }
static inline lissom_vf lissom_vf_set(float v) { return vdupq_n_f32(v); }
static inline lissom_vf lissom_vf_add(lissom_vf a, lissom_vf b) { return vaddq_f32(a, b); }
static inline lissom_vf lissom_vf_max(lissom_vf a, lissom_vf b) { return vmaxnmq_f32(a, b); }
static inline lissom_vf lissom_vf_min(lissom_vf a, lissom_vf b) { return vminnmq_f32(a, b); }
static inline lissom_vf lissom_vf_fma(lissom_vf a, lissom_vf b, lissom_vf c) { return vfmaq_f32(c, a, b); }

static inline float lissom_vf_sum(lissom_vf v)
{
    return (vgetq_lane_f32(v, 0) + vgetq_lane_f32(v, 1)) + (vgetq_lane_f32(v, 2) + vgetq_lane_f32(v, 3));
}

/* n <= 4 of them; the others are 0. */
static inline lissom_vf lissom_vf_load_n(const float *p, int32_t n)
{
    lissom_vf v;
    __asm__ volatile("vctp.32 %[n]\n"
                     "vpst\n"
                     "vldrwt.u32 %q[v], [%[p]]\n"
                     : [v] "=w"(v)
                     : [p] "r"(p), [n] "r"(n)
                     : "memory");
    return v;
}

static inline void lissom_vf_store_n(float *p, lissom_vf v, int32_t n)
{
    __asm__ volatile("vctp.32 %[n]\n"
                     "vpst\n"
                     "vstrwt.32 %q[v], [%[p]]\n"
                     :
                     : [v] "w"(v), [p] "r"(p), [n] "r"(n)
                     : "memory");
}

/* n bytes; none in front of them or behind is touched. */
static inline void lissom_copy_bytes(uint8_t *to, const uint8_t *x, int32_t n)
{
    __asm__ volatile("wlstp.8 lr, %[n], 2f\n"
                     "1: vldrb.u8 q0, [%[x]], #16\n"
                     "vstrb.8 q0, [%[to]], #16\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [to] "+r"(to), [x] "+r"(x)
                     : [n] "r"(n)
                     : "q0", "lr", "cc", "memory");
}

static inline void lissom_fill_bytes(uint8_t *to, int32_t value, int32_t n)
{
    __asm__ volatile("vdup.8 q0, %[value]\n"
                     "wlstp.8 lr, %[n], 2f\n"
                     "1: vstrb.8 q0, [%[to]], #16\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [to] "+r"(to)
                     : [n] "r"(n), [value] "r"(value)
                     : "q0", "lr", "cc", "memory");
}

#endif
