/* Products of bytes by tiles: a unsigned. In one table of zero points, with a' and b' as dot products read them:
 *
 *     sum (a' - za) (b' - zb) = sum a' b' - za sum b' + zb (K za - sum a')
 *
 * The second term is one number a column, in the panel; the third one a row. Where dot products are of words, zb is taken
 * off b first, and there is no third term. Where they are of bytes, b' is b moved down by 128, and so is zb. */
#include "lissom_finish_q8_tile.h"
#include "lissom_matmul.h"

typedef struct {
    const lissom_matmul_q8_params *p;
    int32_t b_zero;
    const float *multiplier;
} tile_params;
typedef lissom_vi tile_sum;
#define COLUMNS (LISSOM_VECTORS * LISSOM_LANES)
#define TILE_ELEMENT 1
#define TILE_HEAD 8
#define TILE_MATMUL(q) (&(q)->p->matmul)

/* n bytes of b, at most a vector's lanes, and zeros. */
static inline __m128i few(const uint8_t *b, int32_t n)
{
    uint8_t bytes[16] = {0};
    if (n >= LISSOM_LANES) {
        memcpy(bytes, b, LISSOM_LANES);
    } else {
        for (int32_t i = 0; i < n; ++i) {
            bytes[i] = b[i];
        }
    }
    return _mm_loadu_si128((const void *)bytes);
}

static inline void store_lanes(uint8_t *to, const __m128i *four)
{
    LISSOM_UNROLL
    for (int32_t i = 0; i < LISSOM_LANES / 4; ++i) {
        _mm_storeu_si128((void *)(to + i * 16), four[i]);
    }
}

#if LISSOM_DOT_BYTES == 1

static inline int32_t tile_depth(const tile_params *q) { return q->p->matmul.k; }
static inline int32_t tile_step(const tile_params *q) { return q->p->matmul.a_m; }

/* The sum of n bytes. */
static inline int32_t sum_of(const uint8_t *a, int32_t n)
{
    __m128i sums = _mm_setzero_si128();
    int32_t i = 0;
    for (; i + 16 <= n; i += 16) {
        sums = _mm_add_epi64(sums, _mm_sad_epu8(_mm_loadu_si128((const void *)(a + i)), _mm_setzero_si128()));
    }
    int32_t sum = _mm_cvtsi128_si32(_mm_add_epi64(sums, _mm_unpackhi_epi64(sums, sums)));
    for (; i < n; ++i) {
        sum += a[i];
    }
    return sum;
}

static inline const uint8_t *tile_rows(const tile_params *q, const uint8_t *a, uint8_t *scratch, const int32_t **first)
{
    const lissom_matmul_params *const p = &q->p->matmul;
    int32_t *const terms = (void *)scratch;
    for (int32_t m = 0; m < p->m; ++m) {
        terms[m] = q->b_zero * (p->k * q->p->a.zero - sum_of(a + m * p->a_m, p->k));
    }
    *first = terms;
    return a;
}

static inline tile_sum tile_start(const uint8_t *panel, int32_t v, const int32_t *first, int32_t m)
{
    return lissom_vi_add(lissom_vi_load(panel + v * LISSOM_LANES * 4), lissom_vi_set(first[m]));
}

/* Rows k to k + 3 of b, those before `from` as zeros. */
static inline void pack_rows(const tile_params *q, const uint8_t *b, int32_t k, int32_t from, int32_t n, uint8_t *to)
{
    const __m128i flip = _mm_set1_epi8((char)(q->p->b_flip ^ 0x80));
    __m128i rows[4];
    LISSOM_UNROLL
    for (int32_t i = 0; i < 4; ++i) {
        rows[i] = k + i < from ? _mm_setzero_si128() : _mm_xor_si128(few(b + (k + i) * q->p->matmul.b_k, n), flip);
    }
    const __m128i low[2] = {_mm_unpacklo_epi8(rows[0], rows[1]), _mm_unpacklo_epi8(rows[2], rows[3])};
    const __m128i high[2] = {_mm_unpackhi_epi8(rows[0], rows[1]), _mm_unpackhi_epi8(rows[2], rows[3])};
    const __m128i four[4] = {_mm_unpacklo_epi16(low[0], low[1]), _mm_unpackhi_epi16(low[0], low[1]),
                             _mm_unpacklo_epi16(high[0], high[1]), _mm_unpackhi_epi16(high[0], high[1])};
    store_lanes(to, four);
}

/* The same for one column of any stride. */
static inline void pack_column(const tile_params *q, const uint8_t *b, int32_t k, int32_t from, uint8_t *to)
{
    const lissom_matmul_params *const p = &q->p->matmul;
    uint32_t four;
    if (p->b_k == 1) {
        memcpy(&four, b + k, 4);
    } else {
        const uint8_t bytes[4] = {b[k * p->b_k], b[(k + 1) * p->b_k], b[(k + 2) * p->b_k], b[(k + 3) * p->b_k]};
        memcpy(&four, bytes, 4);
    }
    four = (four ^ (uint32_t)(q->p->b_flip ^ 0x80) * 0x01010101u) & 0xFFFFFFFFu << 8 * (from - k);
    memcpy(to, &four, 4);
}

#else

static inline int32_t tile_depth(const tile_params *q) { return (q->p->matmul.k + 1) / 2 * 4; }
static inline int32_t tile_step(const tile_params *q) { return tile_depth(q); }

static inline const uint8_t *tile_rows(const tile_params *q, const uint8_t *a, uint8_t *scratch, const int32_t **first)
{
    const lissom_matmul_params *const p = &q->p->matmul;
    (void)first;
    for (int32_t m = 0; m < p->m; ++m) {
        uint8_t *const to = scratch + m * tile_step(q);
        memset(to + tile_step(q) - 4, 0, 4);
        lissom_widen(to, a + m * p->a_m, (size_t)p->k);
    }
    return scratch;
}

static inline tile_sum tile_start(const uint8_t *panel, int32_t v, const int32_t *first, int32_t m)
{
    (void)first;
    (void)m;
    return lissom_vi_load(panel + v * LISSOM_LANES * 4);
}

/* Row k of b and the one behind it, if any. */
static inline void pack_rows(const tile_params *q, const uint8_t *b, int32_t k, int32_t from, int32_t n, uint8_t *to)
{
    const __m128i flip = _mm_set1_epi8((char)q->p->b_flip);
    const __m128i zero = _mm_set1_epi16((int16_t)q->b_zero);
    __m128i low[2];
    __m128i high[2];
    (void)from;
    LISSOM_UNROLL
    for (int32_t i = 0; i < 2; ++i) {
        low[i] = high[i] = _mm_setzero_si128();
        if (k + i < q->p->matmul.k) {
            const __m128i row = _mm_xor_si128(few(b + (k + i) * q->p->matmul.b_k, n), flip);
            low[i] = _mm_sub_epi16(_mm_unpacklo_epi8(row, _mm_setzero_si128()), zero);
            high[i] = _mm_sub_epi16(_mm_unpackhi_epi8(row, _mm_setzero_si128()), zero);
        }
    }
    const __m128i four[4] = {_mm_unpacklo_epi16(low[0], low[1]), _mm_unpackhi_epi16(low[0], low[1]),
                             _mm_unpacklo_epi16(high[0], high[1]), _mm_unpackhi_epi16(high[0], high[1])};
    store_lanes(to, four);
}

/* The same for one column of any stride. */
static inline void pack_column(const tile_params *q, const uint8_t *b, int32_t k, int32_t from, uint8_t *to)
{
    const lissom_matmul_params *const p = &q->p->matmul;
    int16_t words[2] = {0, 0};
    (void)from;
    for (int32_t i = 0; i < lissom_smaller(2, p->k - k); ++i) {
        words[i] = (int16_t)lissom_centred(b[(k + i) * p->b_k], q->p->b_flip, q->b_zero);
    }
    memcpy(to, words, 4);
}

#endif

/* The panel of some columns: what their sums begin with, their multipliers, their elements. */
static inline void tile_pack(const tile_params *q, const uint8_t *b, int32_t columns, int32_t j, uint8_t *panel)
{
    const lissom_matmul_params *const p = &q->p->matmul;
    const int32_t each = 4 / LISSOM_DOT_BYTES;
    const int32_t groups = (p->k + each - 1) / each;
    uint8_t *const elements = panel + COLUMNS * TILE_HEAD;
    for (int32_t g = 0; g < groups; ++g) {
        const int32_t k = LISSOM_DOT_BYTES == 1 ? lissom_smaller(g * each, p->k - each) : g * each;
        uint8_t *const to = elements + g * COLUMNS * 4;
        if (p->b_n != 1) {
            for (int32_t c = 0; c < columns; ++c) {
                pack_column(q, b + c * p->b_n, k, g * each, to + c * 4);
            }
            continue;
        }
        for (int32_t c = 0; c < columns; c += LISSOM_LANES) {
            pack_rows(q, b + c, k, g * each, columns - c, to + c * 4);
        }
    }
    LISSOM_UNROLL
    for (int32_t v = 0; v < LISSOM_VECTORS; ++v) {
        const int32_t n = lissom_smaller(columns - v * LISSOM_LANES, LISSOM_LANES);
        if (n <= 0) {
            break;
        }
        lissom_vi sums = lissom_vi_set(0);
        for (int32_t g = 0; g < groups; ++g) {
            const lissom_vi ones = lissom_vi_set(LISSOM_DOT_BYTES == 1 ? 0x01010101 : 0x00010001);
            sums = lissom_vi_dot(sums, ones, lissom_vi_load(elements + (g * COLUMNS + v * LISSOM_LANES) * 4));
        }
        const lissom_vf multiplier = q->p->multiplier_stride
                                         ? lissom_vf_load_n(q->multiplier + j + v * LISSOM_LANES, n)
                                         : lissom_vf_set(*q->multiplier);
        lissom_vi_store(panel + v * LISSOM_LANES * 4, lissom_vi_mul(sums, lissom_vi_set(-q->p->a.zero)));
        lissom_vf_store_n((void *)(panel + (COLUMNS + v * LISSOM_LANES) * 4), multiplier, LISSOM_LANES);
    }
}

static inline tile_sum tile_load(const uint8_t *w) { return lissom_vi_load(w); }
static inline tile_sum tile_group(const uint8_t *a) { return lissom_vi_four(a); }
static inline tile_sum tile_dot(tile_sum acc, tile_sum a, tile_sum w) { return lissom_vi_dot(acc, a, w); }

static inline void tile_finish(const tile_params *q, const uint8_t *panel, const tile_sum (*acc)[LISSOM_VECTORS],
                               uint8_t *y, int32_t columns)
{
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->p->y, NULL);
    lissom_finish_q8_tile(&f, panel + COLUMNS * 4, acc, NULL, y, q->p->matmul.y_m, columns);
}

#ifdef LISSOM_WHOLE_TILES
#define TILE_WHOLE
static inline void tile_whole(const tile_params *q, const uint8_t *panel, tile_sum (*acc)[LISSOM_VECTORS], uint8_t *y)
{
    const lissom_finish_q8 f = lissom_finish_q8_of(&q->p->y, NULL);
    lissom_finish_q8_whole(&f, panel + COLUMNS * 4, acc, NULL, y, q->p->matmul.y_m);
}
#endif

#include "lissom_matmul_tile.h"

void LISSOM_KERNEL(const lissom_matmul_q8_params *p, const uint8_t *a, const uint8_t *b, const int32_t *b_zero,
                   const float *multiplier, const int32_t *c, uint8_t *y, void *scratch)
{
    const tile_params q = {p, *b_zero - (LISSOM_DOT_BYTES == 1 ? 128 : 0), multiplier};
    (void)c;
    products(&q, a, b, y, scratch);
}

LISSOM_LEVEL_END
