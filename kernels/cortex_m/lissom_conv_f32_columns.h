/* Convolutions of floats, channels last: the columns of LISSOM_PIXELS pixels, then all output channels of these, four at
 * a time or, for a single pixel, eight. For these, w holds biases, then for each value of a column their weights
 * (backends/c/packing, "float_columns"). Sums, 16 or 8, stay in registers. */
#include "lissom_columns_f32.h"

#define LINE LISSOM_LINE
#define ADD(sum, value, weight) LINE("vfma.f32 " sum ", " value ", " weight)

#if LISSOM_PIXELS == 4
#define ABREAST 4
#define TOGETHER 2
#define BIASES LINE("vldmia r1, {s0-s3}") LINE("vldmia r1, {s4-s7}") LINE("vldmia r1, {s8-s11}") LINE("vldmia r1!, {s12-s15}")
#define FOUR(a, b, c, d, value, w, x, y, z) ADD(a, value, w) ADD(b, value, x) ADD(c, value, y) ADD(d, value, z)
#define VALUE(a, b, c, d, w, x, y, z) \
    FOUR("s0", "s1", "s2", "s3", a, w, x, y, z) FOUR("s4", "s5", "s6", "s7", b, w, x, y, z) \
    FOUR("s8", "s9", "s10", "s11", c, w, x, y, z) FOUR("s12", "s13", "s14", "s15", d, w, x, y, z)
#define GROUP \
    LINE("vldmia r0!, {s16-s23}") LINE("vldmia r1!, {s24-s31}") \
    VALUE("s16", "s17", "s18", "s19", "s24", "s25", "s26", "s27") VALUE("s20", "s21", "s22", "s23", "s28", "s29", "s30", "s31")
#define RELUS \
    LISSOM_RELU("s0, s1") LISSOM_RELU("s2, s3") LISSOM_RELU("s4, s5") LISSOM_RELU("s6, s7") LISSOM_RELU("s8, s9") LISSOM_RELU("s10, s11") LISSOM_RELU("s12, s13") \
    LISSOM_RELU("s14, s15")
#define STORE \
    LINE("add r9, r2, r5") LINE("vstmia r2!, {s0-s3}") LINE("vstmia r9, {s4-s7}") LINE("add r9, r9, r5") \
    LINE("vstmia r9, {s8-s11}") LINE("add r9, r9, r5") LINE("vstmia r9, {s12-s15}")
#else
#define ABREAST 8
#define TOGETHER 4
#define BIASES LINE("vldmia r1!, {s0-s7}")
#define VALUE(value, a, b, c, d, e, f, g, h) \
    ADD("s0", value, a) ADD("s1", value, b) ADD("s2", value, c) ADD("s3", value, d) ADD("s4", value, e) ADD("s5", value, f) \
    ADD("s6", value, g) ADD("s7", value, h)
#define TWO(first, second) \
    LINE("vldmia r1!, {s16-s31}") VALUE(first, "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23") \
    VALUE(second, "s24", "s25", "s26", "s27", "s28", "s29", "s30", "s31")
#define GROUP LINE("vldmia r0!, {s8-s11}") TWO("s8", "s9") TWO("s10", "s11")
#define RELUS LISSOM_RELU("s0, s1") LISSOM_RELU("s2, s3") LISSOM_RELU("s4, s5") LISSOM_RELU("s6, s7")
#define STORE LINE("vstmia r2!, {s0-s7}")
#endif

LISSOM_NOINLINE static void compute(const void *columns, const uint8_t *w, uint8_t *y, const columns_outputs *o)
{
    register const void *r0 __asm__("r0") = columns;
    register const uint8_t *r1 __asm__("r1") = w;
    register uint8_t *r2 __asm__("r2") = y;
    register const columns_outputs *r3 __asm__("r3") = o;
    __asm__ volatile(
        LISSOM_SAVE
        LINE("vpush {s16-s31}")
        LINE("ldm r3, {r4-r7}")
        LINE("mov r8, r0")
        LINE("1:") BIASES
        LINE("mov r0, r8")
        LINE("adds r9, r4, #1")
        LINE("lsrs r9, r9, #1") /* twice so many groups, or where C is clear one less */
        LINE("bcc 3f")
        LINE("2:") GROUP
        LINE("3:") GROUP
        LINE("subs r9, #1")
        LINE("bne 2b")
        LINE("cmp r6, #0")
        LINE("beq 4f")
        RELUS
        LINE("4:") STORE
        LINE("cmp r2, r7")
        LINE("bne 1b")
        LINE("vpop {s16-s31}")
        LISSOM_RESTORE
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : "r12", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "cc",
          "memory");
}

#define PANEL(groups) (4 * (1 + (groups) * TOGETHER))
#include "lissom_columns_walk.h"

void LISSOM_KERNEL(const lissom_conv_params *p, const float *x, const float *w, const float *b, const float *skip,
                   float *y, void *scratch)
{
    const int late = skip != NULL || lissom_is_bound(p);
    (void)b;
    walk(p, 0, !late && lissom_is_relu(p), (const void *)x, (const void *)w, late, p, (const void *)skip, (void *)y, scratch);
}

LISSOM_LEVEL_END
