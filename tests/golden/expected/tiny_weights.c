#include "tiny_weights.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "these constants are written for little-endian machines"
#endif

/* Define TINY_WEIGHTS_SECTION to put the constants into a section of your choice. */
#ifndef TINY_WEIGHTS_SECTION
#define TINY_WEIGHTS_SECTION
#endif
/* Vectors are read fastest where they do not cross lines of the cache. */
#ifdef __GNUC__
#define TINY_WEIGHTS_ALIGN __attribute__((aligned(64)))
#else
#define TINY_WEIGHTS_ALIGN
#endif
/* The rows are bytes, not texts: they have no NUL at the end. */
#if defined(__GNUC__) && (__GNUC__ >= 15 || (defined(__clang__) && __clang_major__ >= 21))
#pragma GCC diagnostic ignored "-Wunterminated-string-initialization"
#endif

/* w: float32 2x1x2x2 */
TINY_WEIGHTS_SECTION TINY_WEIGHTS_ALIGN const union tiny_w0 tiny_w0 = {{
    "\000\000\000\000\000\000\200\076\000\000\000\077\000\000\100\077\000\000\200\077\000\000\240\077\000\000\300\077"
    "\000\000\340\077",
}};

/* b: float32 2 */
TINY_WEIGHTS_SECTION TINY_WEIGHTS_ALIGN const union tiny_w1 tiny_w1 = {{
    "\000\000\200\077\000\000\200\277",
}};

/* half: float32 1 */
TINY_WEIGHTS_SECTION TINY_WEIGHTS_ALIGN const union tiny_w2 tiny_w2 = {{
    "\000\000\000\077",
}};
