/* Files of the machine that runs an emulator, by name in the folder it runs in, and the end of the program. What fails
 * ends it with a message. */
#ifndef LISSOM_HOST_FILES_H
#define LISSOM_HOST_FILES_H

#include <stdint.h>

int file_open(const char *name, int writing);
uint32_t file_read(int file, void *data, uint32_t bytes); /* returns how many bytes there were */
void file_write(int file, const void *data, uint32_t bytes);
void file_close(int file);
void print(const char *text);
void finish(int status, const char *message);

#endif
