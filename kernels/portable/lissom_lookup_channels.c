#include <string.h>

#include "lissom_spatial_q8.h"

void lissom_lookup_channels(const lissom_lookup_channels_params *p, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    if (p->inner == 1 && p->element == 1) { /* channels last */
        for (int32_t o = 0; o < p->outer; ++o, x += p->channels, y += p->channels) {
            for (int32_t c = 0; c < p->channels; ++c) {
                y[c] = table[256 * c + x[c]];
            }
        }
        return;
    }
    for (int32_t oc = 0; oc < p->outer * p->channels; ++oc) {
        const uint8_t *const row = table + oc % p->channels * 256 * p->element;
        for (int32_t i = 0; i < p->inner; ++i, ++x, y += p->element) {
            memcpy(y, row + *x * p->element, (size_t)p->element);
        }
    }
}
