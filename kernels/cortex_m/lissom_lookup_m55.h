/* A table of 256 bytes, 16 lookups at a time. */
#include "lissom_quantize.h"

void LISSOM_KERNEL(const lissom_lookup_params *p, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    __asm__ volatile("wlstp.8 lr, %[n], 2f\n"
                     "1: vldrb.u8 q0, [%[x]], #16\n"
                     "vldrb.u8 q1, [%[table], q0]\n"
                     "vstrb.8 q1, [%[y]], #16\n"
                     "letp lr, 1b\n"
                     "2:\n"
                     : [x] "+r"(x), [y] "+r"(y)
                     : [n] "r"(p->count), [table] "r"(table)
                     : "q0", "q1", "lr", "cc", "memory");
}

LISSOM_LEVEL_END
