/* Marks for whoever counts instructions. They are hints that no processor has a meaning for: one instruction each, which
 * does nothing. */
#ifndef LISSOM_MARKS_H
#define LISSOM_MARKS_H

#if defined(__aarch64__)
#define LISSOM_MARK(n) __asm__ volatile(".inst 0xd503201f + 32 * (104 + " #n ")" ::: "memory")
#else
#define LISSOM_MARK(n) __asm__ volatile(".inst.n 0xbf80 + 16 * " #n ::: "memory")
#endif

#endif
