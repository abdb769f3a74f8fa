/* n <= 4 vectors that lie together by one instruction, which compilers do not use well by themselves: they move registers
 * about to have four in a row. */
#ifndef LISSOM_LOAD_FOUR_H
#define LISSOM_LOAD_FOUR_H

/* Returns what is behind them. */
LISSOM_INLINE const uint8_t *lissom_load_up_to_four(int8x16_t *to, const uint8_t *from, const int32_t n)
{
    register int8x16_t a __asm__("v28");
    if (n == 1) {
        __asm__ volatile("ld1 {v28.16b}, [%0], #16" : "+r"(from), "=w"(a) : : "memory");
        to[0] = a;
        return from;
    }
    register int8x16_t b __asm__("v29");
    if (n == 2) {
        __asm__ volatile("ld1 {v28.16b, v29.16b}, [%0], #32" : "+r"(from), "=w"(a), "=w"(b) : : "memory");
        to[0] = a;
        to[1] = b;
        return from;
    }
    register int8x16_t c __asm__("v30");
    if (n == 3) {
        __asm__ volatile("ld1 {v28.16b-v30.16b}, [%0], #48" : "+r"(from), "=w"(a), "=w"(b), "=w"(c) : : "memory");
        to[0] = a;
        to[1] = b;
        to[2] = c;
        return from;
    }
    register int8x16_t d __asm__("v31");
    __asm__ volatile("ld1 {v28.16b-v31.16b}, [%0], #64" : "+r"(from), "=w"(a), "=w"(b), "=w"(c), "=w"(d) : : "memory");
    to[0] = a;
    to[1] = b;
    to[2] = c;
    to[3] = d;
    return from;
}

#endif
