/* Level cortex-m4: the DSP extension, which multiplies and adds pairs of 16-bit halves, and single precision. */
#ifndef LISSOM_CORTEX_M4_H
#define LISSOM_CORTEX_M4_H

#include "lissom_common.h"

#if !defined(__ARM_FEATURE_DSP)
#error "this file is for processors with the DSP extension: compile it with -mcpu=cortex-m4 -mfloat-abi=hard or the like"
#endif

#include <string.h>

#define LISSOM_NOINLINE __attribute__((noinline))
#define LISSOM_LEVEL_END

/* Inner loops need all registers, of which compilers keep some to themselves, so that they are assembly, a whole function
 * each: it takes its arguments in r0 to r3, and saves what it uses of r4 to r11 itself. */
#define LISSOM_LINE(text) text "\n\t"
#if defined(__ARM_FP)
#define LISSOM_SAVE LISSOM_LINE("push {r4-r11, lr}")
#else /* a compiler may know the processor without its FPU */
#define LISSOM_SAVE LISSOM_LINE(".fpu fpv4-sp-d16") LISSOM_LINE("push {r4-r11, lr}")
#endif
#define LISSOM_RESTORE LISSOM_LINE("pop {r4-r11, lr}")

/* Four bytes at any address. */
static inline uint32_t lissom_word(const uint8_t *from)
{
    uint32_t word;
    memcpy(&word, from, 4);
    return word;
}

/* Bytes 0 and 2 of a word, as signed halves. */
static inline uint32_t lissom_even_bytes(uint32_t word)
{
    uint32_t halves;
    __asm__("sxtb16 %0, %1" : "=r"(halves) : "r"(word));
    return halves;
}

static inline uint32_t lissom_odd_bytes(uint32_t word)
{
    uint32_t halves;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(halves) : "r"(word));
    return halves;
}

#endif
