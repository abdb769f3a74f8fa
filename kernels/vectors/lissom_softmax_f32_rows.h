/* Softmax of rows of floats that lie together. */
#include "lissom_norm.h"

/* e^x for x <= 0, as lissom_exp_of in lissom_math.h has it; what is below 2^-126 is 0: the power at -88 has no bits. */
static inline lissom_vf exponential(lissom_vf x)
{
    const lissom_vf bounded = lissom_vf_max(x, lissom_vf_set(-88.0f));
    const lissom_vi whole = lissom_vi_round(lissom_vf_mul(bounded, lissom_vf_set(1.44269504f)));
    const lissom_vf n = lissom_vf_of(whole);
    const lissom_vf near = lissom_vf_fma(n, lissom_vf_set(-0.693359375f), bounded);
    const lissom_vf r = lissom_vf_fma(n, lissom_vf_set(2.12194440e-4f), near);
    lissom_vf p = lissom_vf_set(1.98412698e-4f);
    p = lissom_vf_fma(p, r, lissom_vf_set(1.38888889e-3f));
    p = lissom_vf_fma(p, r, lissom_vf_set(8.33333333e-3f));
    p = lissom_vf_fma(p, r, lissom_vf_set(4.16666667e-2f));
    p = lissom_vf_fma(p, r, lissom_vf_set(1.66666667e-1f));
    p = lissom_vf_fma(p, r, lissom_vf_set(0.5f));
    p = lissom_vf_fma(p, r, lissom_vf_set(1.0f));
    p = lissom_vf_fma(p, r, lissom_vf_set(1.0f));
    return lissom_vf_mul(p, lissom_vf_power_of_two(whole));
}

void LISSOM_KERNEL(const lissom_axis_params *p, const float *x, float *y)
{
    const int32_t n = p->n;
    const int32_t rest = n % LISSOM_LANES;
    const int32_t whole = n - rest;
    for (int32_t row = 0; row < p->outer; ++row, x += n, y += n) {
        lissom_vf most = lissom_vf_set(x[0]);
        for (int32_t i = 0; i < whole; i += LISSOM_LANES) {
            most = lissom_vf_max(most, lissom_vf_load(x + i));
        }
        for (int32_t i = whole; i < n; ++i) {
            most = lissom_vf_max(most, lissom_vf_set(x[i]));
        }
        const lissom_vf offset = lissom_vf_set(-lissom_vf_most(most));
        lissom_vf sums = lissom_vf_set(0.0f);
        lissom_vf last = sums; /* stays in a register: what a part of a vector was stored to is slow to read */
        if (rest > 0) {
            last = exponential(lissom_vf_add(lissom_vf_load_n(x + whole, rest), offset));
            sums = lissom_vf_first(last, rest);
        }
        for (int32_t i = 0; i < whole; i += LISSOM_LANES) {
            const lissom_vf e = exponential(lissom_vf_add(lissom_vf_load(x + i), offset));
            sums = lissom_vf_add(sums, e);
            lissom_vf_store_n(y + i, e, LISSOM_LANES);
        }
        const lissom_vf scale = lissom_vf_set(1.0f / lissom_vf_sum(sums));
        for (int32_t i = 0; i < whole; i += LISSOM_LANES) {
            lissom_vf_store_n(y + i, lissom_vf_mul(lissom_vf_load(y + i), scale), LISSOM_LANES);
        }
        if (rest > 0) {
            lissom_vf_store_n(y + whole, lissom_vf_mul(last, scale), rest);
        }
    }
}

LISSOM_LEVEL_END
