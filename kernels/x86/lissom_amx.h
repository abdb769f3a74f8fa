/* Level amx: products of whole matrices of bytes, on top of level avx512vnni. */
#ifndef LISSOM_AMX_H
#define LISSOM_AMX_H

#include "lissom_amx_init.h"
#include "lissom_common.h"
#include "lissom_level.h"

/* LISSOM_AMX_EMULATION, a header, says what the instructions do to memory, for machines that lack them. */
#ifdef LISSOM_AMX_EMULATION
#include LISSOM_AMX_EMULATION
LISSOM_LEVEL("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")
#else
#define lissom_tile_config(from) _tile_loadconfig(from)
#define lissom_tile_release() _tile_release()
#define lissom_tile_load(tile, from, step) _tile_loadd(tile, from, (size_t)(step))
#define lissom_tile_store(tile, to, step) _tile_stored(tile, to, (size_t)(step))
#define lissom_tile_dot(acc, a, w) _tile_dpbusd(acc, a, w)
LISSOM_LEVEL("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,amx-tile,amx-int8")
#endif

#ifndef LISSOM_BITS
#define LISSOM_BITS 512
#endif
#include "lissom_vector.h"

/* There are registers enough to finish whole tiles in them. */
#define LISSOM_WHOLE_TILES

/* Bytes of each factor of a dot product. */
#define LISSOM_DOT_BYTES 1

/* acc + the sum of the products of each lane's four bytes, a unsigned and w signed. */
static inline lissom_vi lissom_vi_dot(lissom_vi acc, lissom_vi a, lissom_vi w)
{
    return _mm512_dpbusd_epi32(acc, a, w);
}

#endif
