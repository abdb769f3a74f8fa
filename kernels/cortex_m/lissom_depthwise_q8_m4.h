/* Depthwise convolutions, channels last, four channels at a time: rows of x are widened to halves, each channel's by
 * themselves, so that two taps side by side are a word, and two outputs side by side are computed from words that lie
 * together. A row is widened once and stays in a ring until no kernel row needs it; rows outside x are one of zero points.
 *
 * A segment is three taps of a kernel row, or one where the kernel is dilated along rows, and two words of weights:
 * (u, v) and (v, w). Of a channel, w holds the bias as int32, the multiplier and its weights as bytes.
 *
 *     LISSOM_STRIDE   along rows, 1 or 2
 *     LISSOM_THREE    1: three segments, whose weights stay in registers; 0: any number */
#include "lissom_add_q8_words.h"
#include "lissom_conv.h"

#define CHANNELS 4

typedef struct {
    uint8_t *y;
    const uint32_t *weights; /* of each channel: bias, multiplier, and two words a segment */
    int32_t channels;
    int32_t segments;
    int32_t pairs;  /* of outputs */
    int32_t odd;    /* whether there is one output more */
    int32_t step;   /* bytes from one output to the next */
    int32_t zero;
    int32_t plane;  /* bytes from one channel of a row to the next */
    int32_t rewind; /* the same from the end of what was read of a channel */
    const uint8_t *at[]; /* of each segment, of the first channel */
} strip;

#define LINE LISSOM_LINE
/* Members of a strip. */
#define Y "#0"
#define WEIGHTS "#4"
#define LEFT "#8"
#define SEGMENTS "#12"
#define PAIRS "#16"
#define ODD "#20"
#define STEP "#24"
#define ZERO "#28"
#define PLANE "#32"
#define REWIND "#36"
#define AT "#40"

/* Products of one segment, words x of which come through `load`, with weights u and v: sums r5 and r6. */
#if LISSOM_STRIDE == 1
#define TIMES(load, more, u, v) \
    load LINE("smlad r5, r3, " u ", r5") LINE("smlabt r5, r4, " v ", r5") LINE("smlatb r6, r3, " u ", r6") \
    LINE("smlad r6, r4, " v ", r6")
#else
#define TIMES(load, more, u, v) \
    load LINE("smlad r5, r3, " u ", r5") LINE("smlabt r5, r4, " v ", r5") LINE("smlad r6, r4, " u ", r6") \
    more LINE("smlabt r6, r3, " v ", r6")
#endif

/* The results of r5 and r6, in s0 and s1; what is stored last is the first of them, since without a step both go to the
 * same place. */
#define FINISH \
    LINE("vmov s0, s1, r5, r6") LINE("vmov r3, r4, s4, s5") LINE("vcvt.f32.s32 s0, s0") LINE("vcvt.f32.s32 s1, s1") \
    LINE("vmul.f32 s0, s0, s2") LINE("vmul.f32 s1, s1, s2") LINE("vcvtr.s32.f32 s0, s0") \
    LINE("vcvtr.s32.f32 s1, s1") LINE("vmov r5, r6, s0, s1") LINE("qadd r5, r5, r4") LINE("qadd r6, r6, r4") \
    LINE("vmov r4, s6") LINE("ssat r5, #8, r5") LINE("ssat r6, #8, r6") LINE("strb r6, [r3, r4]") \
    LINE("strb r5, [r3]") LINE("add r3, r3, r4, lsl #1") LINE("vmov s4, r3")

/* From a channel's strip in r3, with its bias in r5 and its multiplier in r6: what waits in s2 to s9. */
#define BEGIN \
    LINE("vmov s8, s9, r5, r5") LINE("vmov s2, r6") LINE("ldr lr, [r3, " PAIRS "]") LINE("ldr r5, [r3, " Y "]") \
    LINE("ldr r6, [r3, " ZERO "]") LINE("vmov s4, s5, r5, r6") LINE("add r5, #1") LINE("str r5, [r3, " Y "]") \
    LINE("ldr r5, [r3, " STEP "]") LINE("vmov s6, r5")

/* After the pairs: a pair whose second output is not there, written without a step; then the next channel. */
#define LAST \
    LINE("subs lr, lr, #1") LINE("bne 2b") LINE("vmov r3, s15") LINE("ldr r4, [r3, " ODD "]") LINE("vmov r5, s6") \
    LINE("ands r4, r4, r5") LINE("beq 3f") LINE("mov r4, #0") LINE("vmov s6, r4") LINE("mov lr, #1") LINE("b 2b") \
    LINE("3:")
#define NEXT LINE("ldr r4, [r3, " LEFT "]") LINE("subs r4, r4, #1") LINE("str r4, [r3, " LEFT "]") LINE("bne 1b")
#define CLOBBERS "r12", "s0", "s1", "s2", "s4", "s5", "s6", "s8", "s9", "s10", "s11", "s15", "cc", "memory"

/* A row of results of some channels. */
#if LISSOM_THREE
#define LOAD(from) LINE("ldrd r3, r4, [" from "], #4")
#define LOAD_TWO(from) LINE("ldrd r3, r4, [" from "], #8")
#define MORE(from) LINE("ldr r3, [" from "]")
#if LISSOM_STRIDE == 1
#define ROW(from, u, v) TIMES(LOAD(from), "", u, v)
#else
#define ROW(from, u, v) TIMES(LOAD_TWO(from), MORE(from), u, v)
#endif
LISSOM_NOINLINE static void compute(strip *s)
{
    register strip *r0 __asm__("r0") = s;
    __asm__ volatile(
        LISSOM_SAVE
        LINE("vmov s15, r0")
        LINE("mov r3, r0")
        LINE("add r0, r0, " AT)
        LINE("ldm r0, {r0-r2}")
        LINE("1: ldr r4, [r3, " WEIGHTS "]")
        LINE("ldmia r4!, {r5-r12}")
        LINE("str r4, [r3, " WEIGHTS "]")
        BEGIN
        LINE("2: vmov r5, r6, s8, s9")
        ROW("r0", "r7", "r8")
        ROW("r1", "r9", "r10")
        ROW("r2", "r11", "r12")
        FINISH
        LAST
        LINE("ldr r4, [r3, " REWIND "]")
        LINE("add r0, r0, r4")
        LINE("add r1, r1, r4")
        LINE("add r2, r2, r4")
        NEXT
        LISSOM_RESTORE
        : "+r"(r0)
        :
        : "r1", "r2", "r3", CLOBBERS);
}
#else
#if LISSOM_STRIDE == 1
#define ADVANCE "#4"
#define SEGMENT TIMES(LINE("ldr r3, [r10]") LINE("ldr r4, [r10, #4]"), "", "r7", "r8")
#else
#define ADVANCE "#8"
#define SEGMENT TIMES(LINE("ldr r3, [r10]") LINE("ldr r4, [r10, #4]"), LINE("ldr r3, [r10, #8]"), "r7", "r8")
#endif
LISSOM_NOINLINE static void compute(strip *s)
{
    register strip *r0 __asm__("r0") = s;
    __asm__ volatile(
        LISSOM_SAVE
        LINE("vmov s15, r0")
        LINE("mov r3, r0")
        LINE("add r0, r0, " AT)
        LINE("vmov s10, r0")
        LINE("mov r2, #0")
        LINE("1: ldr r4, [r3, " WEIGHTS "]")
        LINE("ldmia r4!, {r5, r6}")
        LINE("vmov s11, r4")
        LINE("ldr r11, [r3, " SEGMENTS "]")
        LINE("add r4, r4, r11, lsl #3")
        LINE("str r4, [r3, " WEIGHTS "]")
        BEGIN
        LINE("2: vmov r5, r6, s8, s9")
        LINE("vmov r0, r9, s10, s11")
        LINE("mov r1, r11")
        LINE("4: ldr r10, [r0], #4")
        LINE("ldmia r9!, {r7, r8}")
        LINE("add r10, r10, r2")
        SEGMENT
        LINE("subs r1, r1, #1")
        LINE("bne 4b")
        LINE("add r2, r2, " ADVANCE)
        FINISH
        LAST
        LINE("ldr r4, [r3, " REWIND "]")
        LINE("add r2, r2, r4")
        NEXT
        LISSOM_RESTORE
        : "+r"(r0)
        :
        : "r1", "r2", "r3", CLOBBERS);
}
#endif

/* Four channels of two or more pixels that lie `pixel` bytes apart, to four planes that do so by `plane`, by pairs; of
 * an odd number the last pair is the last two. */
LISSOM_NOINLINE static void widen_pairs(const uint8_t *x, int32_t pixel, uint8_t *to, int32_t plane, int32_t pixels)
{
    register const uint8_t *r0 __asm__("r0") = x;
    register int32_t r1 __asm__("r1") = pixel;
    register uint8_t *r2 __asm__("r2") = to;
    register int32_t r3 __asm__("r3") = plane;
    register int32_t r12 __asm__("r12") = pixels;
    __asm__ volatile(
        LISSOM_SAVE
        LINE("add lr, r3, r3, lsl #1")
        LINE("1: subs r12, r12, #2")
        LINE("itt lt")
        LINE("sublt r0, r0, r1")
        LINE("sublt r2, r2, #2")
        LINE("ldr r4, [r0]")
        LINE("ldr r5, [r0, r1]")
        LINE("add r0, r0, r1, lsl #1")
        LINE("sxtb16 r6, r4")
        LINE("sxtb16 r7, r4, ror #8")
        LINE("sxtb16 r8, r5")
        LINE("sxtb16 r9, r5, ror #8")
        LINE("pkhtb r10, r8, r6, asr #16")
        LINE("pkhtb r11, r9, r7, asr #16")
        LINE("pkhbt r6, r6, r8, lsl #16")
        LINE("pkhbt r7, r7, r9, lsl #16")
        LINE("str r7, [r2, r3]")
        LINE("str r10, [r2, r3, lsl #1]")
        LINE("str r11, [r2, lr]")
        LINE("str r6, [r2], #4")
        LINE("cmp r12, #0")
        LINE("bgt 1b")
        LISSOM_RESTORE
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r12)
        :
        : "cc", "memory");
}

/* Pixels of a row: of some channels, to planes. */
static void widen(const uint8_t *x, int32_t pixel, int32_t pixels, int32_t channels, uint8_t *to, int32_t plane)
{
    if (channels == CHANNELS && pixels > 1) {
        widen_pairs(x, pixel, to, plane, pixels);
        return;
    }
    for (int32_t i = 0; i < pixels; ++i) {
        for (int32_t c = 0; c < channels; ++c) {
            const int16_t value = (int8_t)x[i * pixel + c];
            memcpy(to + c * plane + i * 2, &value, 2);
        }
    }
}

static inline int32_t segments_across(const lissom_conv_params *p)
{
    return p->dilation[2] == 1 ? (p->kernel[2] + 2) / 3 : p->kernel[2];
}

static inline uint32_t pair(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xffffu) | (uint32_t)high << 16;
}

/* Weights of some channels, of `bytes` bytes each, as `compute` reads them. */
static void unpack(const lissom_conv_params *p, const uint8_t *w, int32_t bytes, int32_t channels, uint32_t *to)
{
    const int32_t each = p->dilation[2] == 1 ? 3 : 1;
    for (int32_t c = 0; c < channels; ++c, w += bytes) {
        const int8_t *tap = (const int8_t *)w + 8;
        memcpy(to, w, 8);
        to += 2;
        for (int32_t row = 0; row < p->kernel[1]; ++row) {
            for (int32_t left = p->kernel[2]; left > 0; left -= each, to += 2) {
                const int32_t n = lissom_smaller(left, each);
                const int32_t second = n > 1 ? tap[1] : 0;
                to[0] = pair(tap[0], second);
                to[1] = pair(second, n > 2 ? tap[2] : 0);
                tap += n;
            }
        }
    }
}

void LISSOM_KERNEL(const lissom_conv_q8_params *q, const uint8_t *x, const uint8_t *w, const int32_t *w_zero,
                   const float *multiplier, const int32_t *b, const uint8_t *skip, uint8_t *y, void *scratch)
{
    (void)w_zero; /* 0 */
    (void)multiplier;
    (void)b;
    const lissom_conv_params *const p = &q->conv;
    const lissom_addition sum = {0, -q->y.zero, 128 - q->skip.zero, q->skip.y.zero, q->skip.ratio, q->skip.skip_ratio};
    const int32_t across = segments_across(p);
    const int32_t segments = across * p->kernel[1];
    const int32_t reach = p->dilation[2] == 1 ? across * 3 : (p->kernel[2] - 1) * p->dilation[2] + 3;
    const int32_t seen = (p->out[2] + 1) / 2 * 2 * LISSOM_STRIDE + reach;
    const int32_t plane = (lissom_larger(seen, p->pad[2] + p->in[2]) + 1) / 2 * 4;
    const int32_t row_bytes = plane * CHANNELS;
    const int32_t held = (p->kernel[1] - 1) * p->dilation[1] + 1; /* rows in the ring */
    const int32_t bytes = 8 + (p->kernel[1] * p->kernel[2] + 3) / 4 * 4;
    const int32_t zero = q->x.zero - 128;
    const int32_t between = 2 * (p->dilation[2] == 1 ? 3 : p->dilation[2]); /* bytes from segment to segment */
    strip *const s = scratch;
    uint32_t *const weights = (uint32_t *)(void *)(s->at + segments);
    uint8_t *const outside = (uint8_t *)(weights + CHANNELS * (2 + 2 * segments));
    uint8_t *const ring = outside + row_bytes;
    uint8_t *const tile = ring + held * row_bytes; /* a row of results that are yet to be added to */
    for (int32_t i = 0; i < (held + 1) * row_bytes; i += 4) {
        const uint32_t pair = ((uint32_t)zero & 0xffffu) * 0x10001u;
        memcpy(outside + i, &pair, 4);
    }
    s->segments = segments;
    s->pairs = lissom_larger(p->out[2] / 2, 1);
    s->odd = p->out[2] > 1 && p->out[2] % 2 ? -1 : 0;
    s->step = p->out[2] == 1 ? 0 : skip != NULL ? CHANNELS : p->y_pixel;
    s->zero = q->y.zero;
    s->plane = plane;
    s->rewind = plane - (p->out[2] + 1) / 2 * 4 * LISSOM_STRIDE;
    for (int32_t n = 0; n < p->batch; ++n) {
        for (int32_t c = 0; c < p->groups; c += CHANNELS) {
            const int32_t channels = lissom_smaller(CHANNELS, p->groups - c);
            const uint8_t *const image = x + n * p->in[1] * p->in[2] * p->x_pixel + c;
            uint8_t *to = y + n * p->out[1] * p->out[2] * p->y_pixel + c;
            int32_t widened = 0;
            unpack(p, w + c * bytes, bytes, channels, weights);
            for (int32_t row = 0; row < p->out[1]; ++row, to += p->out[2] * p->y_pixel) {
                const int32_t top = row * p->stride[1] - p->pad[1];
                const int32_t end = lissom_smaller(top + held, p->in[1]);
                for (widened = lissom_larger(widened, top); widened < end; ++widened) {
                    widen(image + widened * p->in[2] * p->x_pixel, p->x_pixel, p->in[2], channels,
                          ring + widened % held * row_bytes + p->pad[2] * 2, plane);
                }
                /* Row top + k of x is where row k of the ring is, counted from that of top. */
                const int32_t begin = (top + held * ((p->pad[1] + held - 1) / held)) % held;
                for (int32_t k = 0; k < p->kernel[1]; ++k) {
                    const int32_t h = top + k * p->dilation[1];
                    const int32_t slot = begin + k * p->dilation[1] < held ? begin + k * p->dilation[1]
                                                                           : begin + k * p->dilation[1] - held;
                    const uint8_t *from = h >= 0 && h < p->in[1] ? ring + slot * row_bytes : outside;
                    for (int32_t i = 0; i < across; ++i, from += between) {
                        s->at[k * across + i] = from;
                    }
                }
                s->y = skip != NULL ? tile : to;
                s->weights = weights;
                s->channels = channels;
                compute(s);
                for (int32_t i = 0; i < p->out[2] && skip != NULL; ++i) {
                    const int32_t at = (n * p->out[1] + row) * p->out[2] + i;
                    lissom_add_bytes(&sum, tile + i * CHANNELS, skip + at * p->skip_pixel + c, to + i * p->y_pixel, channels);
                }
            }
        }
    }
}

LISSOM_LEVEL_END
