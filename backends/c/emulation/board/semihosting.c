/* Files, text and the end of the program on a processor without a system: the emulator or debugger it runs under is asked
 * (Arm, "Semihosting for AArch32 and AArch64"). */
#include "host_files.h"

enum { OPEN = 0x01, CLOSE = 0x02, PRINT = 0x04, WRITE = 0x05, READ = 0x06, EXIT = 0x20 };

static uint32_t ask(uint32_t what, const void *with)
{
    register uint32_t r0 __asm__("r0") = what;
    register const void *r1 __asm__("r1") = with;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

int file_open(const char *name, int writing)
{
    uint32_t length = 0;
    while (name[length] != 0) {
        ++length;
    }
    const uint32_t block[3] = {(uint32_t)name, writing ? 5 : 1, length};
    const int file = (int)ask(OPEN, block);
    if (file < 0) {
        finish(2, "a file cannot be opened\n");
    }
    return file;
}

uint32_t file_read(int file, void *data, uint32_t bytes)
{
    uint32_t left = bytes;
    while (left > 0) {
        const uint32_t block[3] = {(uint32_t)file, (uint32_t)data + (bytes - left), left};
        const uint32_t remaining = ask(READ, block);
        if (remaining == left) {
            break;
        }
        left = remaining;
    }
    return bytes - left;
}

void file_write(int file, const void *data, uint32_t bytes)
{
    const uint32_t block[3] = {(uint32_t)file, (uint32_t)data, bytes};
    if (ask(WRITE, block) != 0) {
        finish(2, "a file cannot be written\n");
    }
}

void file_close(int file)
{
    const uint32_t block[1] = {(uint32_t)file};
    (void)ask(CLOSE, block);
}

void print(const char *text)
{
    if (text[0] != 0) {
        (void)ask(PRINT, text);
    }
}

void finish(int status, const char *message)
{
    const uint32_t block[2] = {0x20026, (uint32_t)status}; /* ADP_Stopped_ApplicationExit */
    print(message);
    (void)ask(EXIT, block);
    for (;;) {
    }
}
