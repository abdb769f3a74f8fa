/* Floats to signed bytes: the FPU rounds to even and saturates (docs/numerics.md). */
#ifndef LISSOM_FINISH_M4_H
#define LISSOM_FINISH_M4_H

static inline int32_t lissom_to_byte(float v, int32_t zero)
{
    float whole;
    int32_t byte;
    __asm__("vcvtr.s32.f32 %0, %1" : "=t"(whole) : "t"(v));
    memcpy(&byte, &whole, 4);
    __asm__("qadd %0, %0, %1\n\tssat %0, #8, %0" : "+r"(byte) : "r"(zero));
    return byte;
}

/* Byte i of a word, as it stands and signed. */
static inline int32_t lissom_byte(uint32_t word, int32_t i) { return (int32_t)(word >> 8 * i & 255); }
static inline int32_t lissom_signed(uint32_t word, int32_t i) { return (int8_t)(word >> 8 * i & 255); }

static inline void lissom_put_bytes(uint8_t *to, int32_t a, int32_t b, int32_t c, int32_t d)
{
    const uint32_t low = ((uint32_t)a & 255) | ((uint32_t)b & 255) << 8;
    const uint32_t word = low | ((uint32_t)c & 255) << 16 | (uint32_t)d << 24;
    memcpy(to, &word, 4);
}

#endif
