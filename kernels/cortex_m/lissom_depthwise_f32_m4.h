/* Depthwise convolutions of floats, channels last: eight channels of a pixel at once. w holds for each eight channels
 * biases and for each tap weights; the last eight may be some of those before them again (backends/c/packing,
 * "float_taps"). */
#include "lissom_end_f32.h"

#define CHANNELS 8
#define BYTES (4 * CHANNELS)

/* The taps of a pixel that lie in x. */
typedef struct {
    const uint8_t *x; /* where the first one meets x */
    const uint8_t *w;
    uint8_t *y;
    int32_t rows;
    int32_t columns; /* of each row */
    int32_t across;  /* bytes of x from tap to tap */
    int32_t x_row;   /* from the end of a row to the next one */
    int32_t w_row;
    int32_t blocks; /* of channels */
    const uint8_t *bias;
    int32_t panel; /* bytes of w of a block */
    int32_t relu;
} pixel;

#define LINE LISSOM_LINE
#define TAP \
    LINE("vldmia r0, {s8-s15}") LINE("vldmia r1!, {s16-s23}") LINE("add r0, r0, r5") LINE("vfma.f32 s0, s8, s16") \
    LINE("vfma.f32 s1, s9, s17") LINE("vfma.f32 s2, s10, s18") LINE("vfma.f32 s3, s11, s19") \
    LINE("vfma.f32 s4, s12, s20") LINE("vfma.f32 s5, s13, s21") LINE("vfma.f32 s6, s14, s22") \
    LINE("vfma.f32 s7, s15, s23")

/* Some blocks of eight channels. */
LISSOM_NOINLINE static void compute(const pixel *at)
{
    register const pixel *r0 __asm__("r0") = at;
    __asm__ volatile(
        LISSOM_SAVE
        LINE("vpush {s16-s25}")
        LINE("ldr r3, [r0, #44]")
        LINE("vmov s25, r3")
        LINE("ldm r0, {r0-r8, r12, lr}")
        LINE("vmov s24, r3")
        LINE("mov r10, r0")
        LINE("mov r11, r1")
        LINE("1: vldmia r12, {s0-s7}")
        LINE("cmp r3, #0")
        LINE("beq 6f")
        LINE("2: cmp r4, #3")
        LINE("bne 3f")
        TAP TAP TAP
        LINE("b 5f")
        LINE("3: mov r9, r4")
        LINE("4:") TAP
        LINE("subs r9, #1")
        LINE("bne 4b")
        LINE("5: add r0, r0, r6")
        LINE("add r1, r1, r7")
        LINE("subs r3, #1")
        LINE("bne 2b")
        LINE("6: vmov r3, s25")
        LINE("cmp r3, #0")
        LINE("beq 7f")
        LISSOM_RELU("s0, s1")
        LISSOM_RELU("s2, s3")
        LISSOM_RELU("s4, s5")
        LISSOM_RELU("s6, s7")
        LINE("7: vstmia r2!, {s0-s7}")
        LINE("add r10, r10, #32")
        LINE("add r11, r11, lr")
        LINE("add r12, r12, lr")
        LINE("mov r0, r10")
        LINE("mov r1, r11")
        LINE("vmov r3, s24")
        LINE("subs r8, #1")
        LINE("bne 1b")
        LINE("vpop {s16-s25}")
        LISSOM_RESTORE
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13",
          "s14", "s15", "cc", "memory");
}

/* The taps of an axis that lie in x: how many, and in *first the first of them. */
static inline int32_t inside(const lissom_conv_params *p, int32_t axis, int32_t out, int32_t *first)
{
    const int32_t step = p->dilation[axis];
    const int32_t start = out * p->stride[axis] - p->pad[axis];
    *first = start < 0 ? (step - 1 - start) / step : 0;
    const int32_t last = p->in[axis] - start <= 0 ? 0 : lissom_smaller(p->kernel[axis], (p->in[axis] - 1 - start) / step + 1);
    return lissom_larger(0, last - *first);
}

void LISSOM_KERNEL(const lissom_conv_params *p, const float *x, const float *w, const float *b, const float *skip,
                   float *y, void *scratch)
{
    (void)b;
    (void)scratch;
    const int late = skip != NULL || lissom_is_bound(p);
    const int32_t taps = p->kernel[1] * p->kernel[2];
    const int32_t step = p->x_pixel * 4;
    const int32_t whole = p->groups / CHANNELS;
    pixel at;
    at.across = p->dilation[2] * step;
    at.panel = (1 + taps) * BYTES;
    at.relu = !late && lissom_is_relu(p);
    uint8_t *to = (void *)y;
    const uint8_t *other = (const void *)skip;
    for (int32_t row = 0; row < p->batch * p->out[1]; ++row) {
        const int32_t h = row % p->out[1];
        int32_t kh;
        const int32_t rows = inside(p, 1, h, &kh);
        const int32_t top = row / p->out[1] * p->in[1] + h * p->stride[1] - p->pad[1] + kh * p->dilation[1];
        for (int32_t i = 0; i < p->out[2]; ++i, to += p->y_pixel * 4) {
            int32_t kw;
            at.columns = inside(p, 2, i, &kw);
            at.rows = at.columns ? rows : 0;
            const int32_t left = i * p->stride[2] - p->pad[2] + kw * p->dilation[2];
            const int32_t begin = at.rows ? (top * p->in[2] + left) * step : 0;
            at.x_row = p->dilation[1] * p->in[2] * step - at.columns * at.across;
            at.w_row = (p->kernel[2] - at.columns) * BYTES;
            for (int32_t rest = 0; rest <= (p->groups % CHANNELS ? 1 : 0); ++rest) {
                const int32_t c = rest ? p->groups - CHANNELS : 0;
                at.bias = (const uint8_t *)w + (rest ? whole * at.panel : 0);
                at.x = (const uint8_t *)x + begin + 4 * c;
                at.w = at.bias + (1 + kh * p->kernel[2] + kw) * BYTES;
                at.y = to + 4 * c;
                at.blocks = rest ? 1 : whole;
                compute(&at);
            }
            if (late) {
                lissom_end_floats(p, to, other, to, p->groups);
                other = other == NULL ? NULL : other + p->skip_pixel * 4;
            }
        }
    }
}

LISSOM_LEVEL_END
