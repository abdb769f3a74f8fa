"""float32 by integers, for processors without a floating point unit, gives what this processor's unit gives."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from lissom.ir.errors import Error
from lissom.ir.interpreter import evaluate
from lissom.ir.op import OPS
from lissom.kernels.kernel import FOLDER

BITS = """\
#include "lissom_real.h"
static uint32_t bits_of(lissom_real v)
{
    float f;
    uint32_t bits;
#ifdef LISSOM_NO_FPU
    f = (float)ldexp((double)v.m, v.e);
#else
    f = v;
#endif
    memcpy(&bits, &f, 4);
    return bits << (bits << 1 == 0); /* both zeros are equal */
}
#define OF lissom_real_of
uint32_t PREFIX_mul(float a, float b) { return bits_of(lissom_real_mul(OF(a), OF(b))); }
uint32_t PREFIX_div(float a, float b) { return bits_of(lissom_real_div(OF(a), OF(b))); }
uint32_t PREFIX_add(float a, float b) { return bits_of(lissom_real_add(OF(a), OF(b))); }
uint32_t PREFIX_neg(float a, float b) { return bits_of(lissom_real_add(OF(a), lissom_real_neg(OF(b)))); }
uint32_t PREFIX_sqrt(float a) { return bits_of(lissom_real_sqrt(OF(a))); }
uint32_t PREFIX_from(int32_t v) { return bits_of(lissom_real_from(v)); }
uint32_t PREFIX_from_long(int64_t v) { return bits_of(lissom_real_from_long(v)); }
uint32_t PREFIX_round(float v, float low, float high) { return (uint32_t)lissom_real_round(OF(v), low, high); }
"""

COMPARISON = """\
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#define BOTH(name, ...) uint32_t fpu_##name(__VA_ARGS__); uint32_t no_##name(__VA_ARGS__);
BOTH(mul, float, float) BOTH(div, float, float) BOTH(add, float, float) BOTH(neg, float, float) BOTH(sqrt, float)
BOTH(from, int32_t) BOTH(from_long, int64_t) BOTH(round, float, float, float)
static uint64_t state = 88172645463325252u;
static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}
/* Many with few bits, whose results are ties or powers of two. */
static float some(void)
{
    const uint64_t r = next();
    uint32_t bits = (uint32_t)(r >> 32) & (r % 3 == 0 ? 0x807ff000 : r % 11 == 0 ? 0x80000000 : 0x807fffff);
    bits |= (uint32_t)(97 + r % 60) << 23;
    float v;
    memcpy(&v, &bits, 4);
    return r % 47 == 0 ? 0.0f : v;
}
#define SAME(name, ...)                                      \\
    if (fpu_##name(__VA_ARGS__) != no_##name(__VA_ARGS__)) { \\
        printf("%s of %a, %a, %ld\\n", #name, x, y, n);       \\
        return 1;                                            \\
    }
int main(void)
{
    for (int i = 0; i < 400000; ++i) {
        const float x = some(), y = some();
        const long n = (long)((int64_t)next() >> (1 + next() % 62));
        float half = (float)((int)(next() % 1200) - 600) / 2;
        half = i % 3 ? half : nextafterf(half, i % 2 ? 1e9f : -1e9f);
        SAME(mul, x, y)
        SAME(add, x, y)
        SAME(neg, x, x * 1.0000001f)
        SAME(sqrt, fabsf(x))
        SAME(from, (int32_t)n)
        SAME(from_long, n)
        SAME(round, half, -128.0f, 127.0f)
        SAME(round, x, 0.0f, 255.0f)
        if (y != 0) {
            SAME(div, x, y)
        }
    }
    return 0;
}
"""


def test_every_operation(tmp_path: Path) -> None:
    for prefix, text in (("fpu", BITS), ("no", "#define LISSOM_NO_FPU\n" + BITS)):
        (tmp_path / f"{prefix}.c").write_text(text.replace("PREFIX", prefix))
    (tmp_path / "main.c").write_text(COMPARISON)
    program = tmp_path / "compare"
    command = ["cc", "-std=c99", "-O2", "-ffp-contract=off", "-I", str(FOLDER / "portable"), "-o", str(program)]
    built = subprocess.run([*command, *map(str, tmp_path.glob("*.c")), "-lm"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    done = subprocess.run([str(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", sorted(n for n in OPS if n.startswith("QLinear")))
def test_kernels_without_a_unit(name: str, case_maker, library, tmp_path: Path) -> None:
    from lissom.ir.samples import sample_feed, sample_graph, sample_sizes

    cases = []
    for i, sample in enumerate(OPS[name].samples()):
        sizes = sample_sizes(sample)
        try:
            cases.append(case_maker(str(i), f"n{i}", sample_graph(sample, sizes), sample_feed(sample, sizes)))
        except Error:
            continue  # tests/kernels/test_against_run.py holds the refusals
    assert cases
    built = library(cases, tmp_path, flags=("-DLISSOM_NO_FPU",))
    for case in cases:
        for got, want in zip(built.run(case, case.feed), evaluate(case.graph, *case.feed), strict=True):
            assert np.array_equal(got, want), case.id
