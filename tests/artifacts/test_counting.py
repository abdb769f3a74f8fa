"""Programs under an emulator: instructions are counted exactly, of a loop whose instructions are known and of a
network, twice the same; and what a program holds may take the memory of the board."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lissom.backends.c import Artifact, emit
from lissom.backends.c.emulation import guest
from lissom.backends.c.emulation.counting import LAYER, LAYER_END, RUN, RUN_END, count, met
from lissom.backends.c.emulation.machines import lacking_for
from lissom.ir.errors import Error
from lissom.ir.graph import Graph

LOOP = {
    "aarch64": '"1:\\n subs %0, %0, #1\\n nop\\n bne 1b\\n" : "+r"(n) : : "cc"',
    "cortex-m4": '"1:\\n subs %0, %0, #1\\n nop\\n bne 1b\\n" : "+r"(n) : : "cc"',
    "cortex-m55": '"dls lr, %0\\n 1:\\n nop\\n le lr, 1b\\n" : "+r"(n) : : "lr"',
}
"""Loops of three, three and two instructions."""

HEADER = "typedef struct { const int *x; } loop_inputs;\ntypedef struct { int *y; } loop_outputs;\n"
HEADER += "int loop_run(const loop_inputs *inputs, loop_outputs *outputs, void *arena);\n"


NUMBER = ((1,), "int32")
NETWORK = guest.Network("loop", (NUMBER,), (NUMBER,), 0)


def linked(target: str, folder: Path, statements: str) -> Path:
    """A program whose network reads the number ``n``, gives it back and executes the statements."""
    (folder / "loop.h").write_text(HEADER)
    body = f"int n = *inputs->x; (void)arena; *outputs->y = n; {statements} return 0;"
    function = "int loop_run(const loop_inputs *inputs, loop_outputs *outputs, void *arena)"
    (folder / "loop.c").write_text(f'#include "loop.h"\n#include "marks.h"\n{function} {{ {body} }}\n')
    return guest.link(target, [NETWORK], [folder / "loop.c"], folder / "loop", ["-I", folder])


@pytest.mark.parametrize("target", LOOP)
def test_known_loop(target: str, tmp_path: Path) -> None:
    if lacks := lacking_for(target):
        pytest.skip(f"to run {target} here, install {lacks}")
    program = linked(target, tmp_path, f"__asm__ volatile({LOOP[target]});")

    def instructions(times: int) -> int:
        (first, begin), (last, end) = met(target, program, NETWORK, [np.array([times], np.int32)])
        assert (first, last) == (RUN, RUN_END)
        return end - begin

    each = 2 if target == "cortex-m55" else 3
    # The last turn of a loop may take another way out, the same at any length.
    assert instructions(3000) - instructions(1000) == 2000 * each
    assert 0 < instructions(1) < 40


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55"])
def test_marks_at_the_end_of_a_page(target: str, tmp_path: Path) -> None:
    """At the last but one halfword of a page qemu looks ahead, and shows what follows as part of that instruction."""
    if lacks := lacking_for(target):
        pytest.skip(f"to run {target} here, install {lacks}")
    places = [1014, 1016, 1018, 1020, 1022]
    begin, end = f"LISSOM_MARK({LAYER});", f"LISSOM_MARK({LAYER_END});"
    statements = [
        f'__asm__ volatile("b 1f\\n .balign 1024\\n .space {place}\\n 1:\\n"); {begin} {end}' for place in places
    ]
    found = met(target, linked(target, tmp_path, " ".join(statements)), NETWORK, [np.zeros(1, np.int32)])
    assert [which for which, _ in found] == [RUN, *[LAYER, LAYER_END] * len(places), RUN_END]
    assert [found[i + 1][1] - found[i][1] for i in range(1, len(found) - 1, 2)] == [1] * len(places)


def test_all_memory_of_the_board(tmp_path: Path) -> None:
    """What a program holds may take nearly all of it; of more, it is said that it is too much and for what."""
    if lacks := lacking_for("cortex-m4"):
        pytest.skip(f"to run cortex-m4 here, install {lacks}")

    def last(count: int) -> int:
        table = f"static const volatile int table[{count}] = {{[{count - 1}] = 7}}; *outputs->y = table[n];"
        program = linked("cortex-m4", tmp_path, table)
        (answer,) = guest.run("cortex-m4", program, [NETWORK], [(0, [np.array([count - 1], np.int32)])])
        return int(answer.outputs[0][0])

    assert last(15 << 18) == 7
    for too_many in (16 << 18) - 8192, 17 << 18:  # without the stack, and at all
        with pytest.raises(Error, match=r"loop cannot be run for cortex-m4 here.* 16\.8 MB of mps2-an386"):
            last(too_many)


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
