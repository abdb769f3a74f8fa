/* Products of vectors of pixels with a weight, or a block of four, that all lanes have, added to sums that lie in registers.
 * Four vectors are read by one instruction: in assembly, since compilers move registers about to have four in a row. */
#ifndef LISSOM_SPARSE_SUMS_H
#define LISSOM_SPARSE_SUMS_H

#define VECTOR(number, type) "v" #number "." type
#define TIMES(multiply, type, sum, x, weight) multiply " %" #sum ".4s, " VECTOR(x, type) ", %" #weight "." type "\n\t"
#define ONE(multiply, type, acc, x, weight)                                                     \
    __asm__ volatile("ldr q28, [%1], #16\n\t" TIMES(multiply, type, 0, 28, 2)                   \
                     : "+w"((acc)[0]), "+r"(x) : "w"(weight) : "v28", "memory")
#define TWO(multiply, type, acc, x, weight)                                                     \
    __asm__ volatile("ldp q28, q29, [%2], #32\n\t" TIMES(multiply, type, 0, 28, 3)              \
                     TIMES(multiply, type, 1, 29, 3)                                            \
                     : "+w"((acc)[0]), "+w"((acc)[1]), "+r"(x) : "w"(weight) : "v28", "v29", "memory")
#define FOUR(multiply, type, acc, x, weight)                                                    \
    __asm__ volatile("ld1 {v28.16b-v31.16b}, [%4], #64\n\t" TIMES(multiply, type, 0, 28, 5)     \
                     TIMES(multiply, type, 1, 29, 5) TIMES(multiply, type, 2, 30, 5)            \
                     TIMES(multiply, type, 3, 31, 5)                                            \
                     : "+w"((acc)[0]), "+w"((acc)[1]), "+w"((acc)[2]), "+w"((acc)[3]), "+r"(x)  \
                     : "w"(weight) : "v28", "v29", "v30", "v31", "memory")

/* The sums of v vectors of pixels, all at x. */
#define ADD_ALL(multiply, type, acc, x, weight, vectors)                                        \
    LISSOM_UNROLL                                                                               \
    for (int32_t v = 0; v < (vectors) / 4 * 4; v += 4) {                                        \
        FOUR(multiply, type, (acc) + v, x, weight);                                             \
    }                                                                                           \
    if ((vectors) & 2) {                                                                        \
        TWO(multiply, type, (acc) + (vectors) / 4 * 4, x, weight);                              \
    }                                                                                           \
    if ((vectors) & 1) {                                                                        \
        ONE(multiply, type, (acc) + (vectors) - 1, x, weight);                                  \
    }

#if LISSOM_PRODUCTS > 1
LISSOM_INLINE void lissom_sparse_block(lissom_vi *acc, const uint8_t *x, const uint8_t *weights, const int32_t vectors)
{
    const lissom_vi weight = lissom_vi_four(weights);
    ADD_ALL("sdot", "16b", acc, x, weight, vectors)
}
#else
#include "lissom_load_four.h"
#include "lissom_pair_products.h"

LISSOM_INLINE void lissom_sparse_block(lissom_vi *acc, const uint8_t *x, const uint8_t *weights, const int32_t vectors)
{
    const int8x16_t weight = vqtbl1q_s8(vreinterpretq_s8_s32(lissom_vi_four(weights)), vreinterpretq_u8_s8(spread(0)));
    LISSOM_UNROLL
    for (int32_t first = 0; first < vectors; first += 4) {
        const int32_t count = lissom_smaller(4, vectors - first);
        int8x16_t pixels[4];
        x = lissom_load_up_to_four(pixels, x, count);
        LISSOM_UNROLL
        for (int32_t v = 0; v < count; ++v) {
            acc[first + v] = add_products(acc[first + v], weight, pixels[v]);
        }
    }
}
#endif

LISSOM_INLINE void lissom_sparse_weight(lissom_vf *acc, const uint8_t *x, const uint8_t *weight, const int32_t vectors)
{
    const lissom_vi w = lissom_vi_four(weight);
    ADD_ALL("fmla", "4s", acc, x, w, vectors)
}

#endif
