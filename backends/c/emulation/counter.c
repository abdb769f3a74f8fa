/* A plugin of qemu that writes, for each mark (marks.h) in the order they are met, its number and how many instructions
 * were executed before it. Its argument is out=FILE.
 *
 * Only what all versions of the interface have is used, declared here, so that no header of qemu has to be installed.
 * Its documentation: https://www.qemu.org/docs/master/devel/tcg-plugins.html */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The version of the interface that the emulator wants; from 3 on it copies an instruction's bytes. */
#ifndef INTERFACE
#define INTERFACE 1
#endif

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

typedef struct {
    const char *target_name;
    /* and more that is not asked for here */
} qemu_info_t;

enum { NO_REGISTERS = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, void (*)(unsigned, void *), int, void *);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned, void *), int, void *);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
#if INTERFACE >= 3
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *, void *, size_t);
#else
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
#endif

__attribute__((visibility("default"))) int qemu_plugin_version = INTERFACE;
__attribute__((visibility("default"))) int
qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv);

static uint64_t executed;
static FILE *out;
static bool is_aarch64;

static void on_block(unsigned cpu, void *instructions)
{
    (void)cpu;
    executed += (uintptr_t)instructions;
}

/* The whole block was counted when it began: what of it comes from the mark on, was not executed yet. */
static void on_mark(unsigned cpu, void *packed)
{
    (void)cpu;
    (void)fprintf(out, "%u %" PRIu64 "\n", (unsigned)((uintptr_t)packed & 15), executed - ((uintptr_t)packed >> 4));
}

/* The number of the mark that an instruction is, or -1. Before the end of a page the emulator looks at what follows, and
 * old versions of it have that as part of the instruction: what it is its first bytes say, not its size. */
static int mark(const struct qemu_plugin_insn *instruction)
{
    uint8_t bytes[4] = {0};
    const size_t size = qemu_plugin_insn_size(instruction) < 4 ? qemu_plugin_insn_size(instruction) : 4;
#if INTERFACE >= 3
    (void)qemu_plugin_insn_data(instruction, bytes, size);
#else
    memcpy(bytes, qemu_plugin_insn_data(instruction), size);
#endif
    const uint32_t word = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    if (is_aarch64) {
        const uint32_t number = (word - 0xd503201fu) / 32 - 104;
        return word % 32 == 31 && number < 8 ? (int)number : -1;
    }
    const uint32_t number = ((word & 0xffffu) - 0xbf80u) / 16;
    return word % 16 == 0 && number < 8 ? (int)number : -1;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    const size_t count = qemu_plugin_tb_n_insns(block);
    qemu_plugin_register_vcpu_tb_exec_cb(block, on_block, NO_REGISTERS, (void *)(uintptr_t)count);
    for (size_t i = 0; i < count; ++i) {
        struct qemu_plugin_insn *const instruction = qemu_plugin_tb_get_insn(block, i);
        const int number = mark(instruction);
        if (number >= 0) {
            void *const packed = (void *)(uintptr_t)((count - i) << 4 | (unsigned)number);
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_mark, NO_REGISTERS, packed);
        }
    }
}

static void on_exit(qemu_plugin_id_t id, void *unused)
{
    (void)id;
    (void)unused;
    (void)fclose(out);
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    is_aarch64 = strcmp(info->target_name, "aarch64") == 0;
    out = argc == 1 && strncmp(argv[0], "out=", 4) == 0 ? fopen(argv[0] + 4, "w") : NULL;
    if (out == NULL) {
        (void)fprintf(stderr, "the counter takes out=FILE, a file it may write\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit, NULL);
    return 0;
}
