/* The instruction set that a kernel's file is compiled for: the file says it, no compiler flag is needed.
 * LISSOM_LEVEL(features) stands before the code, LISSOM_LEVEL_END behind it. */
#ifndef LISSOM_LEVEL_H
#define LISSOM_LEVEL_H

#if defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__arm__)
#include <arm_acle.h>
#else
#include <immintrin.h>
#endif
#include <string.h>

#define LISSOM_NOINLINE __attribute__((noinline))
/* For functions on arrays of vectors, which stay in registers only where they are inlined. */
#define LISSOM_INLINE static inline __attribute__((always_inline))
#define LISSOM_PRAGMA(text) _Pragma(#text)
#if defined(__clang__) && defined(__aarch64__) && __clang_major__ < 16
/* Clang up to 15 knows no architectures here, and its headers have only what the compiler's flags allow: those say it. */
#define LISSOM_LEVEL(features)
#define LISSOM_LEVEL_END
#define LISSOM_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__clang__)
#define LISSOM_LEVEL(features) \
    LISSOM_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define LISSOM_LEVEL_END LISSOM_PRAGMA(clang attribute pop)
#define LISSOM_UNROLL _Pragma("clang loop unroll(full)")
#else
#define LISSOM_LEVEL(features) _Pragma("GCC push_options") LISSOM_PRAGMA(GCC target(features))
#define LISSOM_LEVEL_END _Pragma("GCC pop_options")
#define LISSOM_UNROLL _Pragma("GCC unroll 64")
#endif

/* What was read through the pointer is read again when it is needed: compilers else keep it in registers that sums need, and
 * so in memory after all. */
#define LISSOM_FORGET(pointer) __asm__("" : "+r"(pointer))

#endif
