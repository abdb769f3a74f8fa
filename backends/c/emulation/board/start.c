/* From reset to main on a Cortex-M processor: the vector table, variables, and the floating point unit. A fault ends the
 * program with the address it happened at. */
#include "host_files.h"

#include <stddef.h>

int main(void);

/* From the linker script. */
extern uint32_t lissom_data_begin[], lissom_data_end[], lissom_bss_begin[], lissom_bss_end[], lissom_stack_top[];
extern const uint32_t lissom_data_stored[];

/* Called with the registers that the processor saved when it met a fault. */
__attribute__((used, noreturn)) static void fault(const uint32_t *saved)
{
    char text[] = "fault at 00000000, status 00000000\n";
    const uint32_t shown[2] = {saved[6], *(const volatile uint32_t *)0xe000ed28};
    for (uint32_t i = 0; i < 16; ++i) {
        const uint32_t digit = shown[i / 8] >> (28 - 4 * (i % 8)) & 15;
        text[(i < 8 ? 9 : 18) + i] = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
    }
    finish(125, text);
    for (;;) {
    }
}

__attribute__((naked)) static void on_fault(void) { __asm__ volatile("mov r0, sp\n ldr r1, =fault\n bx r1"); }

void lissom_start(void);

void lissom_start(void)
{
#if defined(__ARM_FP)
    *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20; /* floats and vectors may be used */
    __asm__ volatile("dsb\n isb");
#endif
#if __ARM_ARCH == 6
    *(volatile uint32_t *)0xe000ed14 |= 1u << 3; /* on an M3 in its place: an access that is not aligned is a fault */
#endif
    const uint32_t *stored = lissom_data_stored;
    for (uint32_t *p = lissom_data_begin; p < lissom_data_end; ++p, ++stored) {
        *p = *stored;
    }
    for (uint32_t *p = lissom_bss_begin; p < lissom_bss_end; ++p) {
        *p = 0;
    }
    finish(main(), "");
    for (;;) {
    }
}

typedef void (*handler)(void);

__attribute__((section(".vectors"), used)) static const handler vectors[16] = {
    (handler)(void *)lissom_stack_top, lissom_start, on_fault, on_fault, on_fault, on_fault, on_fault, on_fault,
    NULL, NULL, NULL, on_fault, on_fault, NULL, on_fault, on_fault,
};
