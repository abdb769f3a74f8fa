#include "lissom_codebook.h"

void lissom_codebook_f32(const lissom_codebook_params *p, const uint8_t *codes, const float *centroids,
                         const float *scale, const uint8_t *kept, float *y)
{
    const uint32_t mask = (1U << p->bits) - 1U;
    uint32_t read = 0; /* bits that are read and not used yet, */
    int32_t left = 0;  /* and how many */
    for (int32_t i = 0; i < p->count; ++i) {
        if (kept != NULL && ((kept[i >> 3] >> (i & 7)) & 1) == 0) {
            y[i] = 0.0F;
            continue;
        }
        if (left < p->bits) {
            read |= (uint32_t)*codes++ << left;
            left += 8;
        }
        const float value = centroids[read & mask];
        y[i] = scale == NULL ? value : value * scale[i / p->inner % p->channels];
        read >>= p->bits;
        left -= p->bits;
    }
}
