/* Convolutions of floats whose weights are mostly zero: columns as of dense ones, of which each output channel meets the
 * values that it has weights for. Of a channel, w holds how many groups of weights it has, the bias, and of each group
 * where the values are in the columns, in bytes, and the weights (backends/c/packing, "float_groups"). Groups are two
 * weights and 16 bits of where, or for a single pixel four and 32. */
#include "lissom_columns_f32.h"
#include "lissom_sparse.h"

#define LINE LISSOM_LINE
#define ABREAST 1
#define TOGETHER 1
#define PANEL(groups) 0 /* there are no groups of channels */

#if LISSOM_PIXELS == 8
#define EIGHT(weight) \
    LINE("vldmia r11, {s8-s15}") LINE("vfma.f32 s0, s8, " weight) LINE("vfma.f32 s1, s9, " weight) \
    LINE("vfma.f32 s2, s10, " weight) LINE("vfma.f32 s3, s11, " weight) LINE("vfma.f32 s4, s12, " weight) \
    LINE("vfma.f32 s5, s13, " weight) LINE("vfma.f32 s6, s14, " weight) LINE("vfma.f32 s7, s15, " weight)
#define BIAS \
    LINE("vldmia r1!, {s0}") LINE("vmov.f32 s1, s0") LINE("vmov.f32 s2, s0") LINE("vmov.f32 s3, s0") \
    LINE("vmov.f32 s4, s0") LINE("vmov.f32 s5, s0") LINE("vmov.f32 s6, s0") LINE("vmov.f32 s7, s0")
#define GROUP \
    LINE("ldr r9, [r1], #4") LINE("vldmia r1!, {s16, s17}") LINE("uxtah r11, r0, r9") EIGHT("s16") \
    LINE("uxtah r11, r0, r9, ror #16") EIGHT("s17")
#define RELUS LISSOM_RELU("s0, s1") LISSOM_RELU("s2, s3") LISSOM_RELU("s4, s5") LISSOM_RELU("s6, s7")
#define NEXT(sum) LINE("add r9, r9, r5") LINE("vstr " sum ", [r9]")
#define STORE \
    LINE("mov r9, r2") LINE("vstmia r2!, {s0}") NEXT("s1") NEXT("s2") NEXT("s3") NEXT("s4") NEXT("s5") NEXT("s6") NEXT("s7")
#else
#define BIAS LINE("vldmia r1!, {s0}")
#define GROUP \
    LINE("ldmia r1!, {r9-r12}") LINE("vldmia r1!, {s8-s11}") LINE("ldr r9, [r0, r9]") LINE("ldr r10, [r0, r10]") \
    LINE("ldr r11, [r0, r11]") LINE("ldr r12, [r0, r12]") LINE("vmov s4, s5, r9, r10") LINE("vmov s6, s7, r11, r12") \
    LINE("vfma.f32 s0, s4, s8") LINE("vfma.f32 s0, s5, s9") LINE("vfma.f32 s0, s6, s10") LINE("vfma.f32 s0, s7, s11")
#define RELUS LISSOM_RELU("s0, s1")
#define STORE LINE("vstmia r2!, {s0}")
#endif

LISSOM_NOINLINE static void compute(const void *columns, const uint8_t *w, uint8_t *y, const columns_outputs *o)
{
    register const void *r0 __asm__("r0") = columns;
    register const uint8_t *r1 __asm__("r1") = w;
    register uint8_t *r2 __asm__("r2") = y;
    register const columns_outputs *r3 __asm__("r3") = o;
    __asm__ volatile(
        LISSOM_SAVE
        LINE("vpush {s16-s17}")
        LINE("ldm r3, {r4-r7}")
        LINE("1: ldr r3, [r1], #4")
        BIAS
        LINE("cmp r3, #0")
        LINE("beq 4f")
        LINE("adds r3, r3, #1")
        LINE("lsrs r3, r3, #1") /* twice so many groups, or where C is clear one less */
        LINE("bcc 3f")
        LINE("2:") GROUP
        LINE("3:") GROUP
        LINE("subs r3, #1")
        LINE("bne 2b")
        LINE("4: cmp r6, #0")
        LINE("beq 5f")
        RELUS
        LINE("5:") STORE
        LINE("cmp r2, r7")
        LINE("bne 1b")
        LINE("vpop {s16-s17}")
        LISSOM_RESTORE
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : "r12", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "cc",
          "memory");
}

#include "lissom_columns_walk.h"

void LISSOM_KERNEL(const lissom_sparse_f32_params *q, const float *x, const uint8_t *w, float *y, void *scratch)
{
    const int late = lissom_is_bound(&q->conv);
    walk(&q->conv, 0, !late && lissom_is_relu(&q->conv), (const void *)x, w, late, &q->conv, NULL, (void *)y, scratch);
}

LISSOM_LEVEL_END
