/* tiny: written by lissom for portable.
 *
 * Call tiny_run with the inputs, memory for the outputs, and TINY_ARENA_BYTES of working memory that is
 * aligned to TINY_ARENA_ALIGN. Tensors are contiguous, last axis fastest. Nothing is kept between
 * calls: those with different arenas may run at once. The arena must not overlap inputs or outputs. */
#ifndef TINY_H
#define TINY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TINY_ARENA_BYTES 0
#define TINY_ARENA_ALIGN 64
/* The most stack that a call takes; functions of the C library that are not known are taken at 64 bytes. */
#define TINY_STACK_BYTES_MAX 0
#define TINY_LAYERS 4

typedef struct {
    const float *image; /* image: float32 1x1x3x3 */
} tiny_inputs;

typedef struct {
    float *scores; /* scores: float32 1x8 */
} tiny_outputs;

enum {
    TINY_OK = 0,
    TINY_NULL_POINTER = 1,
    TINY_ARENA_MISALIGNED = 2
};

/* Returns TINY_OK, or why nothing was done. arena may be NULL when TINY_ARENA_BYTES is 0. */
int tiny_run(const tiny_inputs *inputs, tiny_outputs *outputs, void *arena);

#ifdef TINY_TRACE
/* Yours to define: called after each layer with its result. */
void tiny_trace(int layer, int result, const void *data, size_t bytes);
#endif

#ifdef __cplusplus
}
#endif

#endif
