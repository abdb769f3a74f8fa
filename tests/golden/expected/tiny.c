#include "tiny.h"
#include "tiny_weights.h"

#include <math.h>

#include "kernels/lissom_binary.h"
#include "kernels/lissom_conv.h"

void lissom_add_f32(const lissom_binary_params *p, const float *a, const float *b, float *y);
void lissom_conv_f32(const lissom_conv_params *p, const float *x, const float *w, const float *b, const float *skip,
    float *y, void *scratch);

/* Hooks around each layer, for profiling: define them on the compiler's command line. */
#ifndef TINY_LAYER_BEGIN
#define TINY_LAYER_BEGIN(layer) ((void)0)
#endif
#ifndef TINY_LAYER_END
#define TINY_LAYER_END(layer) ((void)0)
#endif
#ifdef TINY_TRACE
#define TINY_RESULT(layer, result, data, bytes) tiny_trace(layer, result, data, bytes)
#else
#define TINY_RESULT(layer, result, data, bytes) ((void)0)
#endif

/* A place in the working memory. */
#define AT(offset) ((void *)(memory + (offset)))

static const lissom_conv_params params_0 = {.batch = 1, .groups = 1, .in_channels = 1, .out_channels = 2, .in = {1,
    3, 3}, .out = {1, 2, 2}, .kernel = {1, 2, 2}, .stride = {1, 1, 1}, .dilation = {1, 1, 1}, .pad = {0, 0, 0},
    .x_pixel = 1, .y_pixel = 2, .skip_pixel = 2, .low = 0x0.0p+0f, .high = INFINITY};
static const lissom_binary_params params_1 = {.rank = 1, .size = {8}, .a_stride = {1}, .b_stride = {0}};

int tiny_run(const tiny_inputs *inputs, tiny_outputs *outputs, void *arena)
{
    uint8_t *const memory = arena;
    if (inputs == NULL || outputs == NULL || (memory == NULL && TINY_ARENA_BYTES > 0)) {
        return TINY_NULL_POINTER;
    }
    if (inputs->image == NULL || outputs->scores == NULL) {
        return TINY_NULL_POINTER;
    }
    if ((uintptr_t)memory % TINY_ARENA_ALIGN != 0) {
        return TINY_ARENA_MISALIGNED;
    }

    /* 0: Conv _conv_ */
    TINY_LAYER_BEGIN(0);
    lissom_conv_f32(&params_0, (const void *)inputs->image, (const void *)&tiny_w0, (const void *)&tiny_w1, NULL,
        (void *)outputs->scores, NULL);
    TINY_LAYER_END(0);

    /* 1: Relu _relu_, which takes no work */
    TINY_RESULT(1, 0, (void *)outputs->scores, 32);

    /* 2: Add _add_ */
    TINY_LAYER_BEGIN(2);
    lissom_add_f32(&params_1, (void *)outputs->scores, (const void *)&tiny_w2, (void *)outputs->scores);
    TINY_LAYER_END(2);
    TINY_RESULT(2, 0, (void *)outputs->scores, 32);

    /* 3: Flatten _flat_, which takes no work */
    TINY_RESULT(3, 0, (void *)outputs->scores, 32);
    return TINY_OK;
}
