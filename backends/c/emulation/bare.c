/* Start-up, files and the end on a Cortex-M processor without a system: files are the emulator's, through semihosting
 * (Arm, "Semihosting for AArch32 and AArch64"). */
#include "guest.h"

#include <string.h>

enum { OPEN = 0x01, CLOSE = 0x02, PRINT = 0x04, WRITE = 0x05, READ = 0x06, EXIT = 0x20 };

static uint32_t ask(uint32_t what, const void *with)
{
    register uint32_t r0 __asm__("r0") = what;
    register const void *r1 __asm__("r1") = with;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

int file_open(const char *name, int writing)
{
    const uint32_t block[3] = {(uint32_t)name, writing ? 5 : 1, (uint32_t)strlen(name)};
    const int file = (int)ask(OPEN, block);
    if (file < 0) {
        finish(2, "a file cannot be opened\n");
    }
    return file;
}

uint32_t file_read(int file, void *data, uint32_t bytes)
{
    uint32_t left = bytes;
    while (left > 0) {
        const uint32_t block[3] = {(uint32_t)file, (uint32_t)data + (bytes - left), left};
        const uint32_t remaining = ask(READ, block);
        if (remaining == left) {
            break;
        }
        left = remaining;
    }
    return bytes - left;
}

void file_write(int file, const void *data, uint32_t bytes)
{
    const uint32_t block[3] = {(uint32_t)file, (uint32_t)data, bytes};
    if (ask(WRITE, block) != 0) {
        finish(2, "a file cannot be written\n");
    }
}

void file_close(int file)
{
    const uint32_t block[1] = {(uint32_t)file};
    (void)ask(CLOSE, block);
}

void finish(int status, const char *message)
{
    const uint32_t block[2] = {0x20026, (uint32_t)status}; /* ADP_Stopped_ApplicationExit */
    if (message[0] != 0) {
        (void)ask(PRINT, message);
    }
    (void)ask(EXIT, block);
    for (;;) {
    }
}

int main(void);
extern uint32_t lissom_bss_begin[], lissom_bss_end[], lissom_stack_top[];

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

__attribute__((used, noreturn)) static void start(void)
{
#if defined(__ARM_FP)
    *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20; /* floats and vectors may be used */
    __asm__ volatile("dsb\n isb");
#endif
#if __ARM_ARCH == 6
    *(volatile uint32_t *)0xe000ed14 |= 1u << 3; /* an access that is not aligned is a fault */
#endif
    for (uint32_t *p = lissom_bss_begin; p < lissom_bss_end; ++p) {
        *p = 0;
    }
    finish(main(), "");
    for (;;) {
    }
}

typedef void (*handler)(void);

__attribute__((section(".vectors"), used)) static const handler vectors[16] = {
    (handler)(void *)lissom_stack_top, (handler)start, on_fault, on_fault, on_fault, on_fault, on_fault, on_fault,
    NULL, NULL, NULL, on_fault, on_fault, NULL, on_fault, on_fault,
};
