/* Elements of LISSOM_ELEMENT bytes of two vectors in turn, those of the lower and of the upper halves. */
#ifndef LISSOM_ZIP_H
#define LISSOM_ZIP_H

#if LISSOM_ELEMENT == 1
#define ZIP(half, a, b) vzip##half##q_u8(a, b)
#elif LISSOM_ELEMENT == 2
#define ZIP(half, a, b) vreinterpretq_u8_u16(vzip##half##q_u16(vreinterpretq_u16_u8(a), vreinterpretq_u16_u8(b)))
#elif LISSOM_ELEMENT == 4
#define ZIP(half, a, b) vreinterpretq_u8_u32(vzip##half##q_u32(vreinterpretq_u32_u8(a), vreinterpretq_u32_u8(b)))
#else
#define ZIP(half, a, b) vreinterpretq_u8_u64(vzip##half##q_u64(vreinterpretq_u64_u8(a), vreinterpretq_u64_u8(b)))
#endif

typedef uint8x16_t zipped;

static inline zipped zip_low(zipped a, zipped b) { return ZIP(1, a, b); }
static inline zipped zip_high(zipped a, zipped b) { return ZIP(2, a, b); }
static inline zipped zip_load(const uint8_t *p) { return vld1q_u8(p); }
static inline void zip_store(uint8_t *p, zipped v) { vst1q_u8(p, v); }
static inline zipped zip_zero(void) { return vdupq_n_u8(0); }

#endif
