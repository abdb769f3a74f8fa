"""Instructions are counted exactly: of a loop whose instructions are known, and of a network, twice the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lissom.backends.c import Artifact, emit
from lissom.backends.c.emulation import guest
from lissom.backends.c.emulation.counting import RUN, RUN_END, count, met
from lissom.backends.c.emulation.machines import lacking_for
from lissom.ir.graph import Graph

LOOP = {
    "aarch64": '"1:\\n subs %0, %0, #1\\n nop\\n bne 1b\\n" : "+r"(n) : : "cc"',
    "cortex-m4": '"1:\\n subs %0, %0, #1\\n nop\\n bne 1b\\n" : "+r"(n) : : "cc"',
    "cortex-m55": '"dls lr, %0\\n 1:\\n nop\\n le lr, 1b\\n" : "+r"(n) : : "lr"',
}
"""Loops of three, three and two instructions."""

HEADER = "typedef struct { const int *x; } loop_inputs;\ntypedef struct { int *y; } loop_outputs;\n"
HEADER += "int loop_run(const loop_inputs *inputs, loop_outputs *outputs, void *arena);\n"


@pytest.mark.parametrize("target", LOOP)
def test_known_loop(target: str, tmp_path: Path) -> None:
    if lacks := lacking_for(target):
        pytest.skip(f"to run {target} here, install {lacks}")
    (tmp_path / "loop.h").write_text(HEADER)
    body = f"int n = *inputs->x; (void)arena; *outputs->y = n; __asm__ volatile({LOOP[target]}); return 0;"
    function = "int loop_run(const loop_inputs *inputs, loop_outputs *outputs, void *arena)"
    (tmp_path / "loop.c").write_text(f'#include "loop.h"\n{function} {{ {body} }}\n')
    form = ((1,), "int32")
    loop = guest.Network("loop", (form,), (form,), 0)
    program = guest.link(target, [loop], [tmp_path / "loop.c"], tmp_path / "loop", ["-I", tmp_path])

    def instructions(times: int) -> int:
        (first, begin), (last, end) = met(target, program, loop, [np.array([times], np.int32)])
        assert (first, last) == (RUN, RUN_END)
        return end - begin

    each = 2 if target == "cortex-m55" else 3
    # The last turn of a loop may take another way out, the same at any length.
    assert instructions(3000) - instructions(1000) == 2000 * each
    assert 0 < instructions(1) < 40


@pytest.mark.parametrize("target", ["aarch64", "cortex-m4"])
def test_network(target: str, net: Graph, tmp_path: Path) -> None:
    if lacks := lacking_for(target):
        pytest.skip(f"to run {target} here, install {lacks}")
    report = emit(net, tmp_path / "out", target=target)
    artifact = Artifact(tmp_path / "out")
    x = [np.zeros(p["shape"], p["dtype"]) for p in report["inputs"]]
    first, second = count(artifact, *x), count(artifact, *x)
    assert first == second
    assert [n > 0 for n in first.layers] == [bool(layer["kernel"]) for layer in report["layers"]]
    # What is between layers: the call, the checks of arguments, and the marks themselves.
    assert 0 <= first.instructions - sum(first.layers) < 100
