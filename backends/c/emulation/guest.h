/* The networks of a program that runs under an emulator. */
#ifndef LISSOM_GUEST_H
#define LISSOM_GUEST_H

#include <stddef.h>
#include <stdint.h>

/* A network: its run function, and the bytes of each input and then of each output. */
typedef struct {
    int (*run)(void *const *inputs, void *const *outputs, void *arena);
    uint32_t inputs, outputs, arena;
    const uint32_t *bytes;
} network;

extern const network networks[];
extern const uint32_t network_count;

/* Memory for the inputs, outputs and arena of the largest. */
extern uint8_t *const pool;

#endif
