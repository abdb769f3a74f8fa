/* A vector of bytes, signed or not as LISSOM_SIGNED says: 16 of them. */
#ifndef LISSOM_BYTE_BLOCK_H
#define LISSOM_BYTE_BLOCK_H

#define BLOCK 16
#if LISSOM_SIGNED
typedef int8x16_t block;
static inline block block_load(const element *p) { return vld1q_s8(p); }
static inline void block_store(element *p, block v) { vst1q_s8(p, v); }
static inline block block_set(element v) { return vdupq_n_s8(v); }
static inline block block_larger(block a, block b) { return vmaxq_s8(a, b); }
#else
typedef uint8x16_t block;
static inline block block_load(const element *p) { return vld1q_u8(p); }
static inline void block_store(element *p, block v) { vst1q_u8(p, v); }
static inline block block_set(element v) { return vdupq_n_u8(v); }
static inline block block_larger(block a, block b) { return vmaxq_u8(a, b); }
#endif

#endif
