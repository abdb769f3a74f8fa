/* Runs networks on what the file "inputs" holds: for each run the number of the network in 32 bits, then the bytes of
 * its inputs. To the file "outputs" goes for each run its status and the stack it took, 32 bits each, and the bytes of
 * its outputs. Memory around outputs and arena is watched. */
#include "guest.h"
#include "host_files.h"
#include "marks.h"

#include <string.h>

enum { ALIGNMENT = 64, GUARD = 64, DAMAGED = 1000, MOST = 64, DEPTH = 64 * 1024 };

static const uint8_t watched = 0xa5;
static const uint8_t painted = 0x5a;

typedef struct {
    uint8_t *next;
    uint8_t *guards[MOST + 1];
    uint32_t count;
} memory;

/* Aligned, between two guards. */
static void *take(memory *m, uint32_t bytes)
{
    memset(m->next, watched, GUARD);
    m->guards[m->count++] = m->next;
    uint8_t *const found = m->next + GUARD;
    memset(found + bytes, watched, GUARD);
    m->next = found + (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return found;
}

static int damaged(const memory *m)
{
    for (uint32_t i = 0; i < m->count; ++i) {
        for (uint32_t k = 0; k < GUARD; ++k) {
            if (m->guards[i][k] != watched) {
                return 1;
            }
        }
    }
    return 0;
}

static uint8_t *stack_pointer(void)
{
    uint8_t *found;
    __asm__ volatile("mov %0, sp" : "=r"(found));
    return found;
}

/* Fills the stack below the frames in use. */
static __attribute__((noinline)) void paint(void)
{
    volatile uint8_t *const top = stack_pointer();
    for (size_t i = 1; i <= DEPTH; ++i) {
        *(top - i) = painted;
    }
}

/* Runs a network; returns its status, and in *stack how far down from this frame the paint is gone. */
static __attribute__((noinline)) int measured(
    const network *n, void *const *inputs, void *const *outputs, void *arena, uint32_t *stack)
{
    const volatile uint8_t *const top = stack_pointer();
    paint();
    LISSOM_MARK(0);
    const int status = n->run(inputs, outputs, arena);
    LISSOM_MARK(1);
    size_t depth = DEPTH / 2;
    while (depth > 0 && *(top - depth) == painted) {
        --depth;
    }
    *stack = (uint32_t)depth;
    return status;
}

int main(void)
{
    const int from = file_open("inputs", 0), to = file_open("outputs", 1);
    uint32_t which;
    while (file_read(from, &which, sizeof which) == sizeof which) {
        if (which >= network_count || networks[which].inputs + networks[which].outputs >= MOST) {
            finish(2, "the file of inputs is damaged\n");
        }
        const network *const n = &networks[which];
        memory m = {pool, {NULL}, 0};
        void *values[MOST];
        for (uint32_t i = 0; i < n->inputs + n->outputs; ++i) {
            values[i] = take(&m, n->bytes[i]);
            if (i >= n->inputs) {
                memset(values[i], 0, n->bytes[i]);
            } else if (file_read(from, values[i], n->bytes[i]) != n->bytes[i]) {
                finish(2, "the file of inputs is too short\n");
            }
        }
        void *const arena = take(&m, n->arena);
        memset(m.next, watched, GUARD);
        m.guards[m.count++] = m.next;
        uint32_t result[2];
        const int status = measured(n, values, values + n->inputs, arena, &result[1]);
        result[0] = status == 0 && damaged(&m) ? (uint32_t)DAMAGED : (uint32_t)status;
        file_write(to, result, sizeof result);
        for (uint32_t i = n->inputs; i < n->inputs + n->outputs; ++i) {
            file_write(to, values[i], n->bytes[i]);
        }
    }
    file_close(from);
    file_close(to);
    finish(0, "");
    return 0;
}
