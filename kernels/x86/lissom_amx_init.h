/* Asks for AMX, which Linux gives to a process only on request: its state is large. */
#ifndef LISSOM_AMX_INIT_H
#define LISSOM_AMX_INIT_H

#ifndef LISSOM_AMX_EMULATION /* see lissom_amx.h */
#include <cpuid.h>
#endif

/* Whether the processor has AMX for bytes and this process, with all its threads, may use it from now on. */
static inline int lissom_amx_allowed(void)
{
#ifdef LISSOM_AMX_EMULATION
    return 1;
#else
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d >> 24 & 3u) != 3u) { /* amx-tile, amx-int8 */
        return 0;
    }
#ifdef __linux__
    /* arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA), Documentation/arch/x86/xstate.rst of Linux. */
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(158L), "D"(0x1023L), "S"(18L) : "rcx", "r11", "memory");
    return result == 0;
#else
    return 1;
#endif
#endif
}

#endif
