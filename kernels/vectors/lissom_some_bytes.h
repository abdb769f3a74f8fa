/* A vector's bytes, or as many of them as there are: nothing is read or written past an end. */
#ifndef LISSOM_SOME_BYTES_H
#define LISSOM_SOME_BYTES_H

static inline lissom_vi lissom_load_bytes(const uint8_t *p, int32_t n)
{
    if (n >= LISSOM_LANES * 4) {
        return lissom_vi_load(p);
    }
    uint8_t bytes[LISSOM_LANES * 4] = {0};
    memcpy(bytes, p, (size_t)n);
    return lissom_vi_load(bytes);
}

static inline void lissom_store_bytes(uint8_t *p, lissom_vi v, int32_t n)
{
    if (n >= LISSOM_LANES * 4) {
        lissom_vi_store(p, v);
    } else {
        uint8_t bytes[LISSOM_LANES * 4];
        lissom_vi_store(bytes, v);
        memcpy(p, bytes, (size_t)n);
    }
}

#endif
