/* Convolution of floats, channels last, with few weights that are not zero, each output channel with its own: lanes are
 * columns, LISSOM_VECTORS vectors of four at once. Their patches are laid out float by float, those of all columns side by
 * side, so that a weight meets a vector in one instruction.
 *
 * w is a stream: for each output channel how many weights it has and its bias; for each weight where its floats are laid
 * out, and the weight (backends/c/packing/cortex_m55.py, "float_stream"). */
#include "lissom_sparse.h"
#include "lissom_strip_m55.h"

#define COLUMNS (4 * LISSOM_VECTORS)

/* For each vector but the last, and for that one. */
#define BEFORE_LAST(F)                                                                                      \
    LISSOM_IF(LISSOM_VECTORS > 1, F(0)) LISSOM_IF(LISSOM_VECTORS > 2, F(1)) LISSOM_IF(LISSOM_VECTORS > 3, F(2)) \
    LISSOM_IF(LISSOM_VECTORS > 4, F(3)) LISSOM_IF(LISSOM_VECTORS > 5, F(4)) LISSOM_IF(LISSOM_VECTORS > 6, F(5))
#define LAST(F)                                                                                                   \
    LISSOM_IF(LISSOM_VECTORS == 1, F(0)) LISSOM_IF(LISSOM_VECTORS == 2, F(1)) LISSOM_IF(LISSOM_VECTORS == 3, F(2)) \
    LISSOM_IF(LISSOM_VECTORS == 4, F(3)) LISSOM_IF(LISSOM_VECTORS == 5, F(4)) LISSOM_IF(LISSOM_VECTORS == 6, F(5)) \
    LISSOM_IF(LISSOM_VECTORS == 7, F(6))
#define EACH(F) BEFORE_LAST(F) LAST(F)

typedef struct {
    float low[4];   /*  0 */
    float high[4];  /* 16 */
    uint32_t at[4]; /* 32: where the results of four columns go */
    int32_t step;   /* 48: from there to the next four, in bytes */
    int32_t last;   /* 52: columns of the last vector that there are */
} turn;

#define BEGIN(n) "vdup.32 q" #n ", %[v]\n"
#define WEIGH(n) "vldrw.u32 q7, [%[at], #16 * " #n "]\nvfma.f32 q" #n ", q7, %[v]\n"
#define LOW(n) "vmaxnm.f32 q" #n ", q" #n ", q7\n"
#define HIGH(n) "vminnm.f32 q" #n ", q" #n ", q7\n"
#define STORE(n) "vstrw.32 q" #n ", [%[at], q7]\nadd %[at], %[v]\n"
#define STORE_SOME(n) "vpst\nvstrwt.32 q" #n ", [%[at], q7]\n"

/* All output channels. */
static void channels(const turn *t, const float *patches, const uint8_t *w, float *y, int32_t n)
{
    const uint8_t *at;
    int32_t v;
    __asm__ volatile("ldr %[v], [%[t], #52]\n"
                     "vctp.32 %[v]\n"
                     "1: ldrd %[at], %[v], [%[w]], #8\n" EACH(BEGIN)
                     "wls lr, %[at], 3f\n"
                     "2: ldrd %[at], %[v], [%[w]], #8\n"
                     "add %[at], %[patches]\n" EACH(WEIGH)
                     "le lr, 2b\n"
                     "3: vldrw.u32 q7, [%[t]]\n" EACH(LOW)
                     "vldrw.u32 q7, [%[t], #16]\n" EACH(HIGH)
                     "vldrw.u32 q7, [%[t], #32]\n"
                     "mov %[at], %[y]\n"
                     LISSOM_IF(LISSOM_VECTORS > 1, "ldr %[v], [%[t], #48]\n") BEFORE_LAST(STORE) LAST(STORE_SOME)
                     "adds %[y], #4\n"
                     "subs %[n], #1\n"
                     "bne 1b\n"
                     : [w] "+r"(w), [y] "+l"(y), [n] "+l"(n), [at] "=&r"(at), [v] "=&r"(v)
                     : [t] "r"(t), [patches] "r"(patches)
                     : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "lr", "cc", "memory");
}

#define ADDRESS(n) "vldrw.u32 q" #n ", [%[at], #16 * " #n "]\n"
#define COPY(n) "vldrw.u32 q7, [q" #n ", #4]!\nvstrw.32 q7, [%[to], #16 * " #n "]\n"

/* The floats of n patches, of which the last one stands in for those that are missing. */
static void lay_out(float *to, const float *x, int32_t step, int32_t length, int32_t n)
{
    uint32_t at[COLUMNS]; /* one float before the next one */
    for (int32_t i = 0; i < COLUMNS; ++i) {
        at[i] = (uint32_t)(uintptr_t)(x + lissom_smaller(i, n - 1) * step) - 4;
    }
    __asm__ volatile(EACH(ADDRESS)
                     "dls lr, %[length]\n"
                     "1: " EACH(COPY)
                     "add %[to], #16 * " LISSOM_TEXT(LISSOM_VECTORS) "\n"
                     "le lr, 1b\n"
                     : [to] "+r"(to)
                     : [at] "r"(at), [length] "r"(length)
                     : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "lr", "cc", "memory");
}

void LISSOM_KERNEL(const lissom_sparse_f32_params *q, const float *x, const uint8_t *w, float *y, void *scratch)
{
    const lissom_conv_params *const p = &q->conv;
    const lissom_strip strip = lissom_strip_of(p, 4);
    const int32_t step = strip.step / 4;
    const int32_t length = p->kernel[0] * p->kernel[1] * p->kernel[2] * p->in_channels;
    float *const own = (float *)scratch + length * COLUMNS;
    int32_t rows = p->batch * p->out[0] * p->out[1];
    int32_t columns = p->out[2];
    if (strip.is_x && rows * columns == p->batch * p->in[0] * p->in[1] * p->in[2]) { /* all pixels are one row */
        columns *= rows;
        rows = 1;
    }
    turn t = {.step = 16 * p->y_pixel};
    for (int32_t i = 0; i < 4; ++i) {
        t.low[i] = p->low;
        t.high[i] = p->high;
        t.at[i] = (uint32_t)(4 * i * p->y_pixel);
    }
    const int32_t many = lissom_smaller(COLUMNS, columns);
    t.last = many - COLUMNS + 4;
    for (int32_t row = 0; row < rows; ++row) {
        const int32_t of_image = row % (p->out[0] * p->out[1]);
        const float *const image = x + row / (p->out[0] * p->out[1]) * p->in[0] * p->in[1] * p->in[2] * p->in_channels;
        const float *const from =
            (const void *)lissom_strip_at(p, &strip, (const uint8_t *)image, 0, of_image, (uint8_t *)own);
        for (int32_t c = 0; c < columns; c += COLUMNS) { /* the last columns, some of them once more */
            const int32_t first = lissom_smaller(c, columns - many);
            lay_out(scratch, from + first * step, step, length, many);
            channels(&t, scratch, w, y + (row * columns + first) * p->y_pixel, p->out_channels);
        }
    }
}

LISSOM_LEVEL_END
