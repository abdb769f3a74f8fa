/* For kernels written as plain loops, which compilers turn into vectors of the level: gcc does so without being asked
 * only from -O3 on, clang from -O2 on. */
#ifndef LISSOM_LOOPS_H
#define LISSOM_LOOPS_H

#if !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#endif
