/* For every lane four bytes of up to LISSOM_PICKED vectors, whichever it wants: the low bits of a lane of `which` are their
 * number, the others do not matter. */
#ifndef LISSOM_PICK_H
#define LISSOM_PICK_H

#if LISSOM_LANES == 16

#define LISSOM_PICKED 2

static inline lissom_vi lissom_pick(const lissom_vi *from, lissom_vi which, const int32_t vectors)
{
    return vectors == 1 ? _mm512_permutexvar_epi32(which, from[0]) : _mm512_permutex2var_epi32(from[0], which, from[1]);
}

#else

#define LISSOM_PICKED 1

static inline lissom_vi lissom_pick(const lissom_vi *from, lissom_vi which, const int32_t vectors)
{
    (void)vectors;
    return _mm256_permutevar8x32_epi32(from[0], which);
}

#endif

#endif
