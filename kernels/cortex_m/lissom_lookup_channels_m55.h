/* Tables of 256 bytes that differ by channel, channels last: those of eight channels at once. */
#include "lissom_spatial_q8.h"

void LISSOM_KERNEL(const lissom_lookup_channels_params *p, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    const uint16x8_t tables = vshlq_n_u16(vidupq_n_u16(0, 1), 8);
    for (int32_t o = 0; o < p->outer; ++o) {
        const uint8_t *from = x + o * p->channels;
        uint8_t *to = y + o * p->channels;
        const uint8_t *eight = table;
        __asm__ volatile("wlstp.16 lr, %[n], 2f\n"
                         "1: vldrb.u16 q0, [%[from]], #8\n"
                         "vadd.i16 q0, q0, %q[tables]\n"
                         "vldrb.u16 q1, [%[eight], q0]\n"
                         "add %[eight], #2048\n"
                         "vstrb.16 q1, [%[to]], #8\n"
                         "letp lr, 1b\n"
                         "2:\n"
                         : [from] "+l"(from), [to] "+l"(to), [eight] "+r"(eight)
                         : [n] "r"(p->channels), [tables] "w"(tables)
                         : "q0", "q1", "lr", "cc", "memory");
    }
}

LISSOM_LEVEL_END
