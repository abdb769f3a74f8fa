"""Writes ``model_threads.h`` and ``model_threads.c``: threads that compute the parts of calls, for who has none.

POSIX threads: those of C11 are optional, came late to glibc and are not there on macOS, and an artifact is C99. What
threads share goes through the ``__atomic`` functions of gcc and clang, the compilers of all systems with POSIX threads.
"""

from __future__ import annotations

from lissom.backends.c.program import Program

MOST = 64
"""Threads that an artifact may be compiled for."""


def declarations(name: str, threads: int) -> list[str]:
    """The part of ``model.h`` that is about threads."""
    upper = name.upper()
    return [
        "/* The work of one call is divided into parts, at most so many at a time. Results are the same bytes however",
        " * many threads compute them. */",
        f"#define {upper}_THREADS {threads}",
        "",
        "/* Has to call part(task, 0) ... part(task, parts - 1), each once, in any order or at once, and to return",
        " * when all of them have returned. context is what its caller gave. */",
        f"typedef void (*{name}_parallel_for)(void *context, int parts, void (*part)(void *task, int index),",
        "    void *task);",
        "",
        f"/* As {name}_run, which computes the parts one after the other, but parallel is called with the parts of",
        f" * whatever is divided: {name}_threads_for of {name}_threads.h, or a function of your own. NULL: one after",
        " * the other. Calls with different arenas may go on at once, as far as parallel allows it; that one does. */",
        f"int {name}_run_parallel(const {name}_inputs *inputs, {name}_outputs *outputs, void *arena,",
        f"    {name}_parallel_for parallel, void *context);",
        "",
    ]


def run_in_turn(name: str) -> list[str]:
    """The definition of the run function of an artifact that has threads."""
    return [
        f"int {name}_run(const {name}_inputs *inputs, {name}_outputs *outputs, void *arena)",
        "{",
        f"    return {name}_run_parallel(inputs, outputs, arena, NULL, NULL);",
        "}",
        "",
    ]


def thread_files(program: Program) -> dict[str, str]:
    """By name, the header and the unit of the threads of an artifact; none where it has no parts."""
    if program.threads == 1:
        return {}
    n = program.name
    texts = {f"{n}_threads.h": _HEADER, f"{n}_threads.c": _SOURCE}
    return {file: text.replace("UPPER", n.upper()).replace("NAME", n) for file, text in texts.items()}


def harness(name: str, threads: int) -> str:
    """C for programs that run an artifact: ``start`` before runs, and ``run``, from one thread at a time. What is
    started stays so, asleep between runs, until another number of threads is wanted."""
    text = _THREADED if threads > 1 else _ALONE
    return text.replace("UPPER", name.upper()).replace("NAME", name)


_HEADER = """\
/* Threads for NAME_run_parallel:
 *
 *     static NAME_threads pool;
 *     NAME_threads_start(&pool, UPPER_THREADS);
 *     NAME_run_parallel(&inputs, &outputs, arena, NAME_threads_for, &pool);
 *     NAME_threads_stop(&pool);
 *
 * A pool is memory of yours; it takes no other, and must not move while it is in use. Its threads wait for parts, first
 * spinning, for some ten microseconds, then asleep. Who hands parts out computes parts too, and all that no thread has
 * begun: a thread that is late holds nobody up. Where several callers share a pool, one who finds it busy computes its
 * parts alone. */
#ifndef UPPER_THREADS_H
#define UPPER_THREADS_H

#include <pthread.h>

#include "NAME.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All members are the pool's own. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t workers[UPPER_THREADS];
    int count;    /* workers */
    int busy;     /* a caller has the pool */
    int stopping;
    int asleep;   /* workers that wait to be woken */
    int waiting;  /* parts that nobody has begun */
    int running;  /* parts that are not done */
    void (*part)(void *task, int index);
    void *task;
} NAME_threads;

/* Makes threads - 1 threads, at most UPPER_THREADS - 1, for the caller is one too. Returns how many threads there are,
 * the caller with them: fewer than asked for where the system gives no more. */
int NAME_threads_start(NAME_threads *pool, int threads);

/* Ends them. Nobody may use the pool any more, until it is started again. */
void NAME_threads_stop(NAME_threads *pool);

/* A NAME_parallel_for whose context is a pool that was started. */
void NAME_threads_for(void *pool, int parts, void (*part)(void *task, int index), void *task);

#ifdef __cplusplus
}
#endif

#endif
"""

_SOURCE = """\
#define _POSIX_C_SOURCE 200112L
#include "NAME_threads.h"

#include <sched.h>

/* How often a thread looks for parts before it sleeps, and one that waits for parts to be done before it lets others
 * have its core. */
#ifndef UPPER_SPINS
#define UPPER_SPINS 1000
#endif

#if defined(__x86_64__) || defined(__i386__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ __volatile__("yield")
#else
#define PAUSE() ((void)0)
#endif

/* Take a part that nobody has begun and compute it; whether there was one. What a part is was written before `waiting`,
 * and stays until all parts are done. */
static int compute_one(NAME_threads *pool)
{
    int waiting = __atomic_load_n(&pool->waiting, __ATOMIC_RELAXED);
    while (waiting > 0) {
        if (__atomic_compare_exchange_n(&pool->waiting, &waiting, waiting - 1, 1, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            pool->part(pool->task, waiting - 1);
            (void)__atomic_fetch_sub(&pool->running, 1, __ATOMIC_RELEASE);
            return 1;
        }
    }
    return 0;
}

static int has_reason_to_be_awake(NAME_threads *pool)
{
    return __atomic_load_n(&pool->waiting, __ATOMIC_SEQ_CST) > 0 || __atomic_load_n(&pool->stopping, __ATOMIC_SEQ_CST);
}

static void *work(void *given)
{
    NAME_threads *const pool = given;
    int idle = 0;
    while (!__atomic_load_n(&pool->stopping, __ATOMIC_SEQ_CST)) {
        if (compute_one(pool)) {
            idle = 0;
        } else if (++idle < UPPER_SPINS) {
            PAUSE();
        } else {
            (void)pthread_mutex_lock(&pool->lock);
            /* Either this sees the parts, or who hands them out sees that somebody sleeps. */
            (void)__atomic_fetch_add(&pool->asleep, 1, __ATOMIC_SEQ_CST);
            while (!has_reason_to_be_awake(pool)) {
                (void)pthread_cond_wait(&pool->wake, &pool->lock);
            }
            (void)__atomic_fetch_sub(&pool->asleep, 1, __ATOMIC_SEQ_CST);
            (void)pthread_mutex_unlock(&pool->lock);
            idle = 0;
        }
    }
    return NULL;
}

static void wake_all(NAME_threads *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    (void)pthread_cond_broadcast(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
}

int NAME_threads_start(NAME_threads *pool, int threads)
{
    pool->count = pool->busy = pool->stopping = pool->asleep = pool->waiting = pool->running = 0;
    pool->part = NULL;
    pool->task = NULL;
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        pool->stopping = 1; /* there is nothing to stop */
        return 1;
    }
    if (pthread_cond_init(&pool->wake, NULL) != 0) {
        (void)pthread_mutex_destroy(&pool->lock);
        pool->stopping = 1;
        return 1;
    }
    while (pool->count < threads - 1 && pool->count < UPPER_THREADS - 1 &&
           pthread_create(&pool->workers[pool->count], NULL, work, pool) == 0) {
        ++pool->count;
    }
    return pool->count + 1;
}

void NAME_threads_stop(NAME_threads *pool)
{
    if (pool->stopping) {
        return;
    }
    __atomic_store_n(&pool->stopping, 1, __ATOMIC_SEQ_CST);
    wake_all(pool);
    for (int i = 0; i < pool->count; ++i) {
        (void)pthread_join(pool->workers[i], NULL);
    }
    (void)pthread_cond_destroy(&pool->wake);
    (void)pthread_mutex_destroy(&pool->lock);
}

void NAME_threads_for(void *given, int parts, void (*part)(void *task, int index), void *task)
{
    NAME_threads *const pool = given;
    if (pool->count == 0 || __atomic_exchange_n(&pool->busy, 1, __ATOMIC_ACQUIRE)) {
        for (int i = 0; i < parts; ++i) {
            part(task, i);
        }
        return;
    }
    pool->part = part;
    pool->task = task;
    __atomic_store_n(&pool->running, parts, __ATOMIC_RELAXED);
    __atomic_store_n(&pool->waiting, parts, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&pool->asleep, __ATOMIC_SEQ_CST) > 0) {
        wake_all(pool);
    }
    while (compute_one(pool)) {
    }
    for (int spins = 0; __atomic_load_n(&pool->running, __ATOMIC_ACQUIRE) > 0; ++spins) {
        if (spins < UPPER_SPINS) {
            PAUSE();
        } else {
            (void)sched_yield();
        }
    }
    __atomic_store_n(&pool->busy, 0, __ATOMIC_RELEASE);
}
"""

_ALONE = """\
static void start(int threads) { (void)threads; }
static int run(const NAME_inputs *inputs, NAME_outputs *outputs, void *arena)
{
    return NAME_run(inputs, outputs, arena);
}
"""

_THREADED = """\
#include "NAME_threads.h"

static NAME_threads pool;
static int started;

static void start(int threads)
{
    if (started != threads) {
        if (started) {
            NAME_threads_stop(&pool);
        }
        (void)NAME_threads_start(&pool, threads);
        started = threads;
    }
}

static int run(const NAME_inputs *inputs, NAME_outputs *outputs, void *arena)
{
    return NAME_run_parallel(inputs, outputs, arena, NAME_threads_for, &pool);
}
"""
