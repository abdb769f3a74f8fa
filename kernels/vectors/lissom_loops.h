/* For kernels written as plain loops, which compilers turn into vectors of the level: gcc does so without being asked
 * only from -O3 on, clang from -O2 on. That no result traps or sets errno lets it compute both sides of a choice. */
#ifndef LISSOM_LOOPS_H
#define LISSOM_LOOPS_H

#if !defined(__clang__)
#pragma GCC optimize("O3", "no-trapping-math", "no-math-errno")
#endif

#endif
