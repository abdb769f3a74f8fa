/* Files, text and the end of the program, under Linux. */
#include "host_files.h"

#include <stdio.h>
#include <stdlib.h>

static FILE *files[2];

int file_open(const char *name, int writing)
{
    const int file = writing ? 1 : 0;
    files[file] = fopen(name, writing ? "wb" : "rb");
    if (files[file] == NULL) {
        finish(2, "a file cannot be opened\n");
    }
    return file;
}

uint32_t file_read(int file, void *data, uint32_t bytes) { return (uint32_t)fread(data, 1, bytes, files[file]); }

void file_write(int file, const void *data, uint32_t bytes)
{
    if (fwrite(data, 1, bytes, files[file]) != bytes) {
        finish(2, "a file cannot be written\n");
    }
}

void file_close(int file) { (void)fclose(files[file]); }

void print(const char *text) { (void)fputs(text, stderr); }

void finish(int status, const char *message)
{
    print(message);
    exit(status);
}
