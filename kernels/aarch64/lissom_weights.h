/* Vectors of a panel into registers. */
#ifndef LISSOM_WEIGHTS_H
#define LISSOM_WEIGHTS_H

/* LISSOM_VECTORS vectors that lie together. */
LISSOM_INLINE void load_vectors(tile_sum *to, const uint8_t *from)
{
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
        to[v] = tile_load(from + v * 16);
    }
}

/* The same for n <= 4 vectors of weights, by one instruction, which compilers do not use well by themselves: they move
 * registers about to have four in a row. Returns what is behind them. */
LISSOM_INLINE const uint8_t *load_weights(int8x16_t *to, const uint8_t *w, const int32_t n)
{
    register int8x16_t a __asm__("v28");
    if (n == 1) {
        __asm__ volatile("ld1 {v28.16b}, [%0], #16" : "+r"(w), "=w"(a) : : "memory");
        to[0] = a;
        return w;
    }
    register int8x16_t b __asm__("v29");
    if (n == 2) {
        __asm__ volatile("ld1 {v28.16b, v29.16b}, [%0], #32" : "+r"(w), "=w"(a), "=w"(b) : : "memory");
        to[0] = a;
        to[1] = b;
        return w;
    }
    register int8x16_t c __asm__("v30");
    if (n == 3) {
        __asm__ volatile("ld1 {v28.16b-v30.16b}, [%0], #48" : "+r"(w), "=w"(a), "=w"(b), "=w"(c) : : "memory");
        to[0] = a;
        to[1] = b;
        to[2] = c;
        return w;
    }
    register int8x16_t d __asm__("v31");
    __asm__ volatile("ld1 {v28.16b-v31.16b}, [%0], #64" : "+r"(w), "=w"(a), "=w"(b), "=w"(c), "=w"(d) : : "memory");
    to[0] = a;
    to[1] = b;
    to[2] = c;
    to[3] = d;
    return w;
}

#endif
