/* What a program that runs networks under an emulator is made of: the networks, files of the host, and marks. */
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

/* Files of the host, by name in the folder the emulator runs in. Failures end the program. */
int file_open(const char *name, int writing);
uint32_t file_read(int file, void *data, uint32_t bytes); /* returns how many bytes there were */
void file_write(int file, const void *data, uint32_t bytes);
void file_close(int file);
void finish(int status, const char *message);

#endif
