#include <string.h>

#include "lissom_move.h"

/* A number of any element type: an integer where `whole`, else a double. */
typedef struct {
    int32_t whole;
    int64_t integer;
    uint64_t natural; /* of an integer that is not negative */
    double real;
} number;

#define LOAD(CODE, TYPE, WHOLE)                                     \
    case CODE: {                                                    \
        TYPE v;                                                     \
        memcpy(&v, from + i * (int32_t)sizeof v, sizeof v);         \
        const number n = {WHOLE, (WHOLE) ? (int64_t)v : 0, (WHOLE) ? (uint64_t)v : 0, (double)v}; \
        return n;                                                   \
    }

static number load(const uint8_t *from, int32_t type, int32_t i)
{
    static const number none = {1, 0, 0, 0.0};
    switch (type) {
        LOAD(LISSOM_F32, float, 0)
        LOAD(LISSOM_F64, double, 0)
        LOAD(LISSOM_I8, int8_t, 1)
        LOAD(LISSOM_BOOL, uint8_t, 1)
        LOAD(LISSOM_U8, uint8_t, 1)
        LOAD(LISSOM_I16, int16_t, 1)
        LOAD(LISSOM_U16, uint16_t, 1)
        LOAD(LISSOM_I32, int32_t, 1)
        LOAD(LISSOM_U32, uint32_t, 1)
        LOAD(LISSOM_I64, int64_t, 1)
        LOAD(LISSOM_U64, uint64_t, 1)
    default:
        return none;
    }
}

/* Integers wrap, as in C and numpy; floats truncate and saturate, NaN is 0. LOW and HIGH are exact doubles, HIGH one
 * past the largest value. */
#define STORE(CODE, TYPE, LOW, HIGH, SMALLEST, LARGEST)                                            \
    case CODE: {                                                                                   \
        const TYPE v = n.whole           ? (TYPE)n.natural                                         \
                       : n.real != n.real ? (TYPE)0                                                \
                       : n.real <= (LOW)  ? (TYPE)(SMALLEST)                                       \
                       : n.real >= (HIGH) ? (TYPE)(LARGEST)                                        \
                                          : (TYPE)n.real;                                          \
        memcpy(to + i * (int32_t)sizeof v, &v, sizeof v);                                          \
        return;                                                                                    \
    }

static void store(uint8_t *to, int32_t type, int32_t i, number n)
{
    switch (type) {
        STORE(LISSOM_I8, int8_t, -129.0, 128.0, INT8_MIN, INT8_MAX)
        STORE(LISSOM_U8, uint8_t, -1.0, 256.0, 0, UINT8_MAX)
        STORE(LISSOM_I16, int16_t, -32769.0, 32768.0, INT16_MIN, INT16_MAX)
        STORE(LISSOM_U16, uint16_t, -1.0, 65536.0, 0, UINT16_MAX)
        STORE(LISSOM_I32, int32_t, -2147483649.0, 2147483648.0, INT32_MIN, INT32_MAX)
        STORE(LISSOM_U32, uint32_t, -1.0, 4294967296.0, 0, UINT32_MAX)
        STORE(LISSOM_I64, int64_t, -9223372036854775808.0, 9223372036854775808.0, INT64_MIN, INT64_MAX)
        STORE(LISSOM_U64, uint64_t, -1.0, 18446744073709551616.0, 0, UINT64_MAX)
    case LISSOM_BOOL: {
        to[i] = n.whole ? n.natural != 0 : n.real < 0.0 || n.real > 0.0 || n.real != n.real;
        return;
    }
    case LISSOM_F32: {
        const float v = n.whole ? n.integer < 0 ? (float)n.integer : (float)n.natural : (float)n.real;
        memcpy(to + i * 4, &v, sizeof v);
        return;
    }
    default: {
        const double v = n.whole ? n.integer < 0 ? (double)n.integer : (double)n.natural : n.real;
        memcpy(to + i * 8, &v, sizeof v);
        return;
    }
    }
}

void lissom_cast(const lissom_cast_params *p, const void *x, void *y)
{
    for (int32_t i = 0; i < p->count; ++i) {
        store(y, p->to, i, load(x, p->from, i));
    }
}
