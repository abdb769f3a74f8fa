/* Functions of floats, four at a time: LISSOM_FUNCTION says which. The formulas are those of the references. Quotients are
 * divided one by one, since vectors have no division. */
#include "lissom_unary.h"

#define GELU 0
#define ERF 1
#define SIGMOID 2
#define SWISH 3
#define TANH 4
#define RELU 5
#define CLIP 6
#define LEAKY_RELU 7
#define HARD_SIGMOID 8
#define HARD_SWISH 9

/* e^x - 1 where `less` is 1, else e^x; for x between -87 and 88. */
static inline lissom_vf power(lissom_vf x, float less)
{
    const int32x4_t whole = vcvtnq_s32_f32(vmulq_n_f32(x, 1.44269504f));
    const lissom_vf n = vcvtq_f32_s32(whole);
    const lissom_vf r = vfmaq_n_f32(vfmaq_n_f32(x, n, -0.693359375f), n, 2.12194440e-4f);
    const lissom_vf scale = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_n_s32(whole, 127), 23));
    lissom_vf p = vfmasq_n_f32(vdupq_n_f32(1.98412698e-4f), r, 1.38888889e-3f);
    p = vfmasq_n_f32(p, r, 8.33333333e-3f);
    p = vfmasq_n_f32(p, r, 4.16666667e-2f);
    p = vfmasq_n_f32(p, r, 1.66666667e-1f);
    p = vfmasq_n_f32(p, r, 0.5f);
    p = vfmaq_f32(r, vmulq_f32(p, r), r);
    return vfmaq_f32(vaddq_n_f32(scale, -less), p, scale);
}

static inline lissom_vf bounded(lissom_vf x)
{
    return vminnmq_f32(vmaxnmq_f32(x, vdupq_n_f32(-87.0f)), vdupq_n_f32(88.0f));
}

static inline lissom_vf quotient(lissom_vf a, lissom_vf b)
{
    register lissom_vf v __asm__("q0") = a;
    register lissom_vf w __asm__("q1") = b;
    __asm__("vdiv.f32 s0, s0, s4\n"
            "vdiv.f32 s1, s1, s5\n"
            "vdiv.f32 s2, s2, s6\n"
            "vdiv.f32 s3, s3, s7\n"
            : "+w"(v)
            : "w"(w));
    return v;
}

static inline lissom_vf with_sign_of(lissom_vf x, lissom_vf size)
{
    const uint32x4_t sign = vandq_u32(vreinterpretq_u32_f32(x), vdupq_n_u32(0x80000000u));
    return vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(size), sign));
}

static inline lissom_vf error_function(lissom_vf x)
{
    const lissom_vf size = vabsq_f32(x);
    const lissom_vf s = vmulq_f32(x, x);
    const lissom_vf t = quotient(vdupq_n_f32(1.0f), vaddq_n_f32(vmulq_n_f32(size, 0.3275911f), 1.0f));
    lissom_vf p = vfmasq_n_f32(vdupq_n_f32(1.061405429f), t, -1.453152027f);
    p = vfmasq_n_f32(p, t, 1.421413741f);
    p = vfmasq_n_f32(p, t, -0.284496736f);
    p = vfmasq_n_f32(p, t, 0.254829592f);
    const lissom_vf far = vfmsq_f32(vdupq_n_f32(1.0f), vmulq_f32(p, t), power(bounded(vnegq_f32(s)), 0.0f));
    lissom_vf near = vfmasq_n_f32(vdupq_n_f32(1.20552e-4f), s, -8.5483e-4f);
    near = vfmasq_n_f32(near, s, 5.2239776e-3f);
    near = vfmasq_n_f32(near, s, -2.68661706e-2f);
    near = vfmasq_n_f32(near, s, 1.12837917e-1f);
    near = vfmasq_n_f32(near, s, -3.76126389e-1f);
    near = vmulq_f32(vfmasq_n_f32(near, s, 1.12837917f), size);
    return with_sign_of(x, vpselq_f32(near, far, vcmpltq_n_f32(size, 0.5f)));
}

static inline lissom_vf between(float low, lissom_vf v, float high)
{
    return vminnmq_f32(vmaxnmq_f32(v, vdupq_n_f32(low)), vdupq_n_f32(high));
}

static inline lissom_vf function(const lissom_unary_params *p, lissom_vf v)
{
    (void)p;
#if LISSOM_FUNCTION == GELU
    return vmulq_f32(vmulq_n_f32(v, 0.5f), vaddq_n_f32(error_function(vmulq_n_f32(v, 0.70710678f)), 1.0f));
#elif LISSOM_FUNCTION == ERF
    return error_function(v);
#elif LISSOM_FUNCTION == TANH
    const lissom_vf m = power(bounded(vmulq_n_f32(vabsq_f32(v), -2.0f)), 1.0f);
    return with_sign_of(v, vabsq_f32(quotient(m, vaddq_n_f32(m, 2.0f))));
#elif LISSOM_FUNCTION == RELU
    return vpselq_f32(vdupq_n_f32(0.0f), v, vcmpltq_n_f32(v, 0.0f));
#elif LISSOM_FUNCTION == CLIP
    const lissom_vf above = vpselq_f32(vdupq_n_f32(p->alpha), v, vcmpltq_n_f32(v, p->alpha));
    return vpselq_f32(vdupq_n_f32(p->beta), above, vcmpgtq_n_f32(above, p->beta));
#elif LISSOM_FUNCTION == LEAKY_RELU
    return vpselq_f32(vmulq_n_f32(v, p->alpha), v, vcmpltq_n_f32(v, 0.0f));
#elif LISSOM_FUNCTION == HARD_SIGMOID
    return between(0.0f, vaddq_n_f32(vmulq_n_f32(v, p->alpha), p->beta), 1.0f);
#elif LISSOM_FUNCTION == HARD_SWISH
    return vmulq_f32(v, between(0.0f, vaddq_n_f32(vmulq_n_f32(v, 1.0f / 6.0f), 0.5f), 1.0f));
#else
    const lissom_vf over = vaddq_n_f32(power(bounded(vnegq_f32(v)), 0.0f), 1.0f);
    return quotient(LISSOM_FUNCTION == SWISH ? v : vdupq_n_f32(1.0f), over);
#endif
}

void LISSOM_KERNEL(const lissom_unary_params *p, const float *x, float *y)
{
    const int32_t rest = p->count % 4;
    const int32_t whole = p->count - rest;
    for (int32_t i = 0; i < whole; i += 4) {
        vst1q_f32(y + i, function(p, vld1q_f32(x + i)));
    }
    if (rest) {
        float last[4] = {0.0f};
        memcpy(last, x + whole, (size_t)rest * 4);
        vst1q_f32(last, function(p, vld1q_f32(last)));
        memcpy(y + whole, last, (size_t)rest * 4);
    }
}

LISSOM_LEVEL_END
