"""Writes ``model.c`` of an artifact for several instruction sets: each call goes to the best one the machine has."""

from __future__ import annotations

from lissom.backends.c.program import Program
from lissom.backends.c.threads.pool import run_in_turn
from lissom.kernels.table import TARGETS

_FEATURES: dict[str, str] = {
    "portable": "",
    "x86-64-v2": "sse3 ssse3 sse4.1 sse4.2 popcnt",
    "x86-64-v3": "avx avx2 bmi bmi2 fma",
    "x86-64-v4": "avx512f avx512bw avx512cd avx512dq avx512vl",
    "avx512vnni": "avx512vnni",
}
"""What a level asks for on top of those behind it in TARGETS, in the names of ``__builtin_cpu_supports``. F16C is not
among them: old compilers do not know that name, and kernels do not use it."""


_HWCAPS: dict[str, str] = {"aarch64+dotprod": "(hwcap() >> 20 & 1) != 0", "aarch64+i8mm": "(hwcap2() >> 13 & 1) != 0"}
"""The bits of what Linux says of a processor that a level asks for (Linux, "ARM64 ELF hwcaps"): ASIMDDP and I8MM."""


def dispatch(program: Program) -> str:
    """The function that callers call. What processor and system support was asked for by the compiler's start-up code,
    or handed to the process by Linux, so choosing costs a few loads; there is no state of its own."""
    n, upper = program.name, program.name.upper()
    run, takes, given = (
        "run",
        f"(const {n}_inputs *inputs, {n}_outputs *outputs, void *arena)",
        "inputs, outputs, arena",
    )
    if program.threads > 1:
        run, given = "run_parallel", f"{given}, parallel, context"
        takes = f"{takes[:-1]},\n    {n}_parallel_for parallel, void *context)"
    steps: list[str] = []
    for i, level in enumerate(program.levels[:-1]):
        steps += [
            f"    if ({upper}_SKIP_LEVELS <= {i} && {_condition(level.target)}) {{",
            f"        return {level.name}_{run}({given});",
            "    }",
        ]
    return "\n".join(
        [
            f'#include "{n}.h"',
            "",
            *([_AVX_VNNI] if any("avxvnni" in TARGETS[level.target] for level in program.levels) else []),
            *([_HWCAP] if any("aarch64" in TARGETS[level.target] for level in program.levels) else []),
            *(f"int {level.name}_{run}{takes};" for level in program.levels),
            "",
            "/* How many of the best levels are left out, on the compiler's command line: for tests. */",
            f"#ifndef {upper}_SKIP_LEVELS",
            f"#define {upper}_SKIP_LEVELS 0",
            "#endif",
            "",
            f"int {n}_{run}{takes}",
            "{",
            *steps,
            f"    return {program.levels[-1].name}_{run}({given});",
            "}",
            "",
            *(run_in_turn(n) if program.threads > 1 else []),
        ]
    )


def _condition(target: str) -> str:
    if "aarch64" in TARGETS[target]:
        return " && ".join(_HWCAPS[level] for level in reversed(TARGETS[target]) if level in _HWCAPS)
    names = [f for level in reversed(TARGETS[target]) for f in _FEATURES.get(level, "").split()]
    asked = [f'__builtin_cpu_supports("{f}")' for f in names]
    return " &&\n        ".join([*asked, *(["has_avx_vnni()"] if "avxvnni" in TARGETS[target] else [])])


_AVX_VNNI = """\
/* Some versions of clang do not know the name; what the system must do for AVX is asked for with avx2. */
#if defined(__clang__)
#include <cpuid.h>

static int has_avx_vnni(void)
{
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1) != 0;
}
#else
static int has_avx_vnni(void) { return __builtin_cpu_supports("avxvnni") != 0; }
#endif
"""

_HWCAP = """\
/* What the system says of the processor; one that is not asked has the base level alone. */
#if defined(__linux__)
#include <sys/auxv.h>

static unsigned long hwcap(void) { return getauxval(16); }
static unsigned long hwcap2(void) { return getauxval(26); }
#elif defined(__APPLE__)
#include <sys/sysctl.h>

static unsigned long has(const char *name, int bit)
{
    int found = 0;
    size_t size = sizeof found;
    return sysctlbyname(name, &found, &size, NULL, 0) == 0 && found != 0 ? 1ul << bit : 0;
}

static unsigned long hwcap(void) { return has("hw.optional.arm.FEAT_DotProd", 20); }
static unsigned long hwcap2(void) { return has("hw.optional.arm.FEAT_I8MM", 13); }
#else
static unsigned long hwcap(void) { return 0; }
static unsigned long hwcap2(void) { return 0; }
#endif
"""
