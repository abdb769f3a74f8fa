/* Weights of few values, decoded from packed codes. */
#ifndef LISSOM_CODEBOOK_H
#define LISSOM_CODEBOOK_H

#include "lissom_common.h"

typedef struct {
    int32_t count;
    int32_t bits;            /* of a code, 1 to 8 */
    int32_t channels, inner; /* element i is of channel i / inner % channels */
} lissom_codebook_params;

/* y[i] = centroids[code] * scale[channel]. Codes lie in bytes, lowest bits first; there are 2^bits centroids. Where
 * `kept` is given, an element whose bit is clear is zero and has no code. */
void lissom_codebook_f32(const lissom_codebook_params *p, const uint8_t *codes, const float *centroids,
                         const float *scale, const uint8_t *kept, float *y);

#endif
