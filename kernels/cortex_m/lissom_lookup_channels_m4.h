/* Tables of 256 bytes that differ by channel, channels last, four channels at a time. */
#include "lissom_spatial_q8.h"

#include "lissom_finish_m4.h"

void LISSOM_KERNEL(const lissom_lookup_channels_params *p, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    for (int32_t o = 0; o < p->outer; ++o, x += p->channels, y += p->channels) {
        const uint8_t *own = table;
        int32_t c = 0;
        for (; c + 4 <= p->channels; c += 4, own += 4 * 256) {
            const uint32_t at = lissom_word(x + c);
            lissom_put_bytes(y + c, own[lissom_byte(at, 0)], own[256 + lissom_byte(at, 1)],
                             own[512 + lissom_byte(at, 2)], own[768 + lissom_byte(at, 3)]);
        }
        for (; c < p->channels; ++c, own += 256) {
            y[c] = own[x[c]];
        }
    }
}

LISSOM_LEVEL_END
