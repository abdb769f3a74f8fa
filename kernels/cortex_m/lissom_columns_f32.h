/* Columns of floats: for each value of a column those of all pixels side by side. A column that has not a whole number of
 * groups ends with zeros. */
#ifndef LISSOM_COLUMNS_F32_H
#define LISSOM_COLUMNS_F32_H

#include "lissom_end_f32.h"

#define ELEMENT 4
#define UNIT 1
#define LEAST 1
#define COLUMNS_STEP (4 * LISSOM_PIXELS)
#define RESULT 4
#define PARTIAL 0

/* What the pixels of the result are made with. */
typedef struct {
    int32_t groups; /* of values along a column */
    int32_t step;   /* bytes from one pixel of the result to the next */
    int32_t relu;   /* whether what is below 0 becomes 0 */
    uint8_t *end;   /* of the first pixel */
} columns_outputs;

typedef lissom_conv_params columns_addend;

static inline columns_outputs columns_outputs_of(int32_t groups, int32_t held, int32_t pixel, int32_t relu, uint8_t *end)
{
    const columns_outputs o = {groups, pixel, relu, end};
    (void)held;
    return o;
}

static inline void columns_end(const lissom_conv_params *p, const uint8_t *from, const uint8_t *skip, uint8_t *to, int32_t n)
{
    lissom_end_floats(p, from, skip, to, n);
}

static inline void columns_one(const uint8_t *from, int32_t length, uint8_t *to)
{
#if LISSOM_PIXELS == 1
    memcpy(to, from, (size_t)length * 4);
#else
    for (int32_t i = 0; i < length; ++i) {
        memcpy(to + i * COLUMNS_STEP, from + 4 * i, 4);
    }
#endif
}

#if LISSOM_PIXELS > 1
#if LISSOM_PIXELS == 4
#define COLUMNS_AT(i) "#" #i "*16"
#else
#define COLUMNS_AT(i) "#" #i "*32"
#endif
#define COLUMNS_VALUE(i, a, b, c, d) \
    LISSOM_LINE("vstr " a ", [r2, " COLUMNS_AT(i) "]") LISSOM_LINE("vstr " b ", [r2, " COLUMNS_AT(i) "+4]") \
    LISSOM_LINE("vstr " c ", [r2, " COLUMNS_AT(i) "+8]") LISSOM_LINE("vstr " d ", [r2, " COLUMNS_AT(i) "+12]")

/* Four columns, from `to` on, of runs that lie `step` bytes apart. */
LISSOM_NOINLINE static void columns_four(const uint8_t *from, int32_t step, uint8_t *to, int32_t length)
{
    register const uint8_t *r0 __asm__("r0") = from;
    register int32_t r1 __asm__("r1") = step;
    register uint8_t *r2 __asm__("r2") = to;
    register int32_t r3 __asm__("r3") = length;
    __asm__ volatile(
        LISSOM_SAVE
        LISSOM_LINE("add r4, r0, r1")
        LISSOM_LINE("add r5, r4, r1")
        LISSOM_LINE("add r6, r5, r1")
        LISSOM_LINE("subs r3, #4")
        LISSOM_LINE("blt 2f")
        LISSOM_LINE("1: vldmia r0!, {s0-s3}")
        LISSOM_LINE("vldmia r4!, {s4-s7}")
        LISSOM_LINE("vldmia r5!, {s8-s11}")
        LISSOM_LINE("vldmia r6!, {s12-s15}")
        COLUMNS_VALUE(0, "s0", "s4", "s8", "s12")
        COLUMNS_VALUE(1, "s1", "s5", "s9", "s13")
        COLUMNS_VALUE(2, "s2", "s6", "s10", "s14")
        COLUMNS_VALUE(3, "s3", "s7", "s11", "s15")
        LISSOM_LINE("add r2, " COLUMNS_AT(4))
        LISSOM_LINE("subs r3, #4")
        LISSOM_LINE("bge 1b")
        LISSOM_LINE("2: adds r3, #4")
        LISSOM_LINE("beq 4f")
        LISSOM_LINE("3: vldmia r0!, {s0}")
        LISSOM_LINE("vldmia r4!, {s1}")
        LISSOM_LINE("vldmia r5!, {s2}")
        LISSOM_LINE("vldmia r6!, {s3}")
        LISSOM_LINE("vstmia r2, {s0-s3}")
        LISSOM_LINE("add r2, " COLUMNS_AT(1))
        LISSOM_LINE("subs r3, #1")
        LISSOM_LINE("bne 3b")
        LISSOM_LINE("4:")
        LISSOM_RESTORE
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : "r12", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "cc",
          "memory");
}

static inline void columns_abreast(const uint8_t *from, int32_t step, uint8_t *to, int32_t length)
{
    for (int32_t i = 0; i < LISSOM_PIXELS; i += 4) {
        columns_four(from + i * step, step, to + 4 * i, length);
    }
}
#endif

#include "lissom_columns.h"

#endif
