/* A table of 256 bytes by lookups of 64, which leave as it was what is outside of them. */
#include "lissom_quantize.h"

#define VECTOR 16

static inline uint8x16_t found(const uint8x16x4_t *parts, uint8x16_t x)
{
    const uint8x16_t step = vdupq_n_u8(64);
    uint8x16_t y = vqtbl4q_u8(parts[0], x);
    LISSOM_UNROLL
    for (int32_t i = 1; i < 4; ++i) {
        x = vsubq_u8(x, step);
        y = vqtbx4q_u8(y, parts[i], x);
    }
    return y;
}

void LISSOM_KERNEL(const lissom_lookup_params *p, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    const int32_t whole = p->count - p->count % VECTOR;
    uint8_t rest[VECTOR] = {0};
    uint8x16x4_t parts[4];
    LISSOM_UNROLL
    for (int32_t i = 0; i < 4; ++i) {
        parts[i].val[0] = vld1q_u8(table + 64 * i);
        parts[i].val[1] = vld1q_u8(table + 64 * i + 16);
        parts[i].val[2] = vld1q_u8(table + 64 * i + 32);
        parts[i].val[3] = vld1q_u8(table + 64 * i + 48);
    }
    for (int32_t i = 0; i < whole; i += VECTOR) {
        vst1q_u8(y + i, found(parts, vld1q_u8(x + i)));
    }
    memcpy(rest, x + whole, (size_t)(p->count - whole));
    vst1q_u8(rest, found(parts, vld1q_u8(rest)));
    memcpy(y + whole, rest, (size_t)(p->count - whole));
}

LISSOM_LEVEL_END
