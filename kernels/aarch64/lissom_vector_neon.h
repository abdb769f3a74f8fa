/* Vectors of 4 lanes: Advanced SIMD. Which dot product there is, the level's header says. */
#ifndef LISSOM_VECTOR_NEON_H
#define LISSOM_VECTOR_NEON_H

#define LISSOM_LANES 4

/* gcc would read the weights of many steps early, and then has no registers for the sums. */
#if !defined(__clang__)
#pragma GCC optimize("no-schedule-insns")
#endif

typedef int32x4_t lissom_vi;
typedef float32x4_t lissom_vf;

static inline lissom_vi lissom_vi_load(const void *p) { return vreinterpretq_s32_u8(vld1q_u8(p)); }
static inline lissom_vf lissom_vf_load(const void *p) { return vreinterpretq_f32_u8(vld1q_u8(p)); }
static inline lissom_vf lissom_vf_set(float v) { return vdupq_n_f32(v); }
static inline lissom_vi lissom_vi_set(int32_t v) { return vdupq_n_s32(v); }
static inline lissom_vi lissom_vi_add(lissom_vi a, lissom_vi b) { return vaddq_s32(a, b); }
static inline lissom_vi lissom_vi_sub(lissom_vi a, lissom_vi b) { return vsubq_s32(a, b); }
static inline lissom_vi lissom_vi_mul(lissom_vi a, lissom_vi b) { return vmulq_s32(a, b); }
static inline lissom_vf lissom_vf_add(lissom_vf a, lissom_vf b) { return vaddq_f32(a, b); }
static inline lissom_vf lissom_vf_mul(lissom_vf a, lissom_vf b) { return vmulq_f32(a, b); }
static inline lissom_vf lissom_vf_max(lissom_vf a, lissom_vf b) { return vmaxq_f32(a, b); }
static inline lissom_vf lissom_vf_min(lissom_vf a, lissom_vf b) { return vminq_f32(a, b); }
static inline lissom_vf lissom_vf_fma(lissom_vf a, lissom_vf b, lissom_vf c) { return vfmaq_f32(c, a, b); }
static inline lissom_vf lissom_vf_of(lissom_vi v) { return vcvtq_f32_s32(v); }

/* The squares of lanes of at most 16 bits. */
static inline lissom_vi lissom_vi_pairs(lissom_vi a, lissom_vi b) { return vmulq_s32(a, b); }

/* The sum of all lanes. */
static inline int32_t lissom_vi_sum(lissom_vi v) { return vaddvq_s32(v); }

/* The first n lanes, and zeros. */
static inline lissom_vf lissom_vf_first(lissom_vf v, int32_t n)
{
    const int32x4_t lanes = vcombine_s32(vcreate_s32(0x100000000u), vcreate_s32(0x300000002u));
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(v), vcltq_s32(lanes, vdupq_n_s32(n))));
}

/* The sum and the largest of all lanes. */
static inline float lissom_vf_sum(lissom_vf v) { return vaddvq_f32(v); }
static inline float lissom_vf_most(lissom_vf v) { return vmaxvq_f32(v); }

/* 2^n, for -126 <= n <= 127. */
static inline lissom_vf lissom_vf_power_of_two(lissom_vi n)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}

/* To the nearest integer, ties to even; what is too large saturates. */
static inline lissom_vi lissom_vi_round(lissom_vf v) { return vcvtnq_s32_f32(v); }

/* Four bytes, in every lane. */
static inline lissom_vi lissom_vi_four(const uint8_t *p)
{
    int32_t v;
    memcpy(&v, p, 4);
    return vdupq_n_s32(v);
}

/* n <= 4 bytes as lanes. */
static inline lissom_vi lissom_vi_bytes(const uint8_t *p, int32_t n)
{
    uint32_t v = 0;
    memcpy(&v, p, n == 4 ? 4 : (size_t)n);
    return vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8(v))));
}

static inline void lissom_vi_store(void *p, lissom_vi v) { vst1q_u8(p, vreinterpretq_u8_s32(v)); }

static inline lissom_vf lissom_vf_load_n(const float *p, int32_t n)
{
    if (n == 4) {
        return lissom_vf_load(p);
    }
    float v[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    memcpy(v, p, (size_t)n * 4);
    return lissom_vf_load(v);
}

static inline void lissom_vf_store_n(float *p, lissom_vf v, int32_t n)
{
    if (n == 4) {
        lissom_vi_store(p, vreinterpretq_s32_f32(v));
        return;
    }
    float all[4];
    lissom_vi_store(all, vreinterpretq_s32_f32(v));
    memcpy(p, all, (size_t)n * 4);
}

/* Four vectors that lie together: gcc reads them by one instruction only if told so, clang moves registers about then. */
LISSOM_INLINE void lissom_vi_load_four(lissom_vi *to, const uint8_t *p)
{
#if defined(__clang__)
    to[0] = lissom_vi_load(p);
    to[1] = lissom_vi_load(p + 16);
    to[2] = lissom_vi_load(p + 32);
    to[3] = lissom_vi_load(p + 48);
#else
    const int32x4x4_t four = vld1q_s32_x4((const void *)p);
    to[0] = four.val[0];
    to[1] = four.val[1];
    to[2] = four.val[2];
    to[3] = four.val[3];
#endif
}

#endif
