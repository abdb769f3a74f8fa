#include "tiny_weights.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "these constants are written for little-endian machines"
#endif

/* Define TINY_WEIGHTS_SECTION to put the constants into a section of your choice. */
#ifndef TINY_WEIGHTS_SECTION
#define TINY_WEIGHTS_SECTION
#endif

/* w: float32 2x1x2x2 */
TINY_WEIGHTS_SECTION const uint64_t tiny_w0[4] = {
    0x3e80000000000000, 0x3f4000003f000000, 0x3fa000003f800000, 0x3fe000003fc00000,
};

/* b: float32 2 */
TINY_WEIGHTS_SECTION const uint64_t tiny_w1[1] = {
    0xbf8000003f800000,
};

/* half: float32 1 */
TINY_WEIGHTS_SECTION const uint64_t tiny_w2[1] = {
    0x000000003f000000,
};
