"""Compiles many small graphs into one library, so that testing every kernel takes seconds."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lissom.backends.c.bindings  # registers how ops become kernel calls
import lissom.ir.ops  # noqa: F401  # fills OPS
from lissom.backends.c.builder import Builder
from lissom.backends.c.cross import foreign, need_for
from lissom.backends.c.edges import Edges, model_edges
from lissom.backends.c.emulation import guest
from lissom.backends.c.lower import lower
from lissom.backends.c.memory.buffers import share_and_place
from lissom.backends.c.program import Program
from lissom.backends.c.signedness import with_activations
from lissom.backends.c.source import Port, body, header, ports
from lissom.backends.c.toolchain import STANDARD, compile_c, objects
from lissom.backends.c.weights import weights_header, weights_source, word_rows
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.op import OPS, Op
from lissom.ir.ops.mul import Mul
from lissom.ir.samples import sample_feed, sample_graph, sample_sizes
from lissom.ir.types import Array, DType
from lissom.ir.values import Const
from lissom.kernels.table import activation, choose


@dataclass
class Case:
    """A graph as C: its program and what to feed it."""

    id: str
    graph: Graph
    feed: list[Array]
    program: Program
    edges: Edges
    inputs: list[Port]
    outputs: list[Port]


def make_case(
    id: str, name: str, graph: Graph, feed: list[Array], target: str = "portable", chooser: Any = choose
) -> Case:
    """Lower, bind and place; raises Error for what has no C form."""
    lowered = lower(graph)
    if (wanted := activation(target)) is not None:
        lowered = with_activations(lowered, wanted)
    edges = model_edges(lowered, "float")
    program = Builder(lowered, name, target, chooser).build((edges.inputs, edges.outputs), edges.skipped)
    share_and_place(program)
    inputs = ports([i.name for i in lowered.inputs], edges.inputs)
    return Case(id, lowered, feed, program, edges, inputs, ports(lowered.output_names, edges.outputs))


def write(cases: list[Case], folder: Path) -> list[Path]:
    """The cases' own code, in few units, since starting the compiler takes longer than compiling one."""
    units = []
    for first in range(0, len(cases), 50):
        text = []
        for case in cases[first : first + 50]:
            n, p = case.program.name, case.program
            (folder / f"{n}.h").write_text(header(p, case.inputs, case.outputs, 0), encoding="ascii")
            (folder / f"{n}_weights.h").write_text(weights_header(p), encoding="ascii")
            text += [
                body(p, case.inputs, case.outputs)
                .replace("params_", f"{n}_params_")
                .replace("#define AT(", "#undef AT\n#define AT("),
                weights_source(p),
            ]
        units.append(folder / f"unit{first}.c")
        units[-1].write_text("\n".join(text), encoding="ascii")
    return units


def copy_kernels(cases: Iterable[Case], folder: Path) -> list[Path]:
    (folder / "kernels").mkdir(exist_ok=True)
    kernels = {k.name: k for c in cases for k in c.program.kernels}
    for k in kernels.values():
        for name, text in k.files().items():
            (folder / "kernels" / name).write_text(text, encoding="ascii")
    return [folder / "kernels" / f"{name}.c" for name in sorted(kernels)]


def compile_all(cc: str, options: list[str], units: list[Path], made: Path, *linking: str) -> None:
    compiled = objects([cc], options, dict.fromkeys(units, b""), made.parent)
    compile_c([cc], [*options, *linking, *compiled, "-o", made, "-lm"])


class Library:
    """Cases compiled together: for this machine into a library, for another into a program that an emulator runs."""

    def __new__(cls, cases: list[Case], *_: object, **__: object) -> Any:
        return super().__new__(Emulated if cases and foreign(cases[0].program.target) else cls)

    def __init__(self, cases: list[Case], folder: Path, cc: str = "cc", flags: Sequence[str] = ()) -> None:
        units = copy_kernels(cases, folder) + write(cases, folder)
        options = [*STANDARD, "-Werror", "-O1", "-fPIC", "-I", str(folder), *flags]
        compile_all(cc, options, units, folder / "all.so", "-shared")
        self._library = ctypes.CDLL(str(folder / "all.so"))

    def run(self, case: Case, feed: list[Array]) -> list[Array]:
        outputs = [np.zeros(p.shape, p.dtype) for p in case.outputs]
        memory = np.zeros(case.program.arena_bytes + 64, np.uint8)
        arena = memory.ctypes.data + -memory.ctypes.data % 64
        held = [np.ascontiguousarray(a) for a in feed]

        def struct(arrays: list[Array]) -> object:
            return (ctypes.c_void_p * max(1, len(arrays)))(*(a.ctypes.data for a in arrays))

        function = getattr(self._library, f"{case.program.name}_run")
        assert function(struct(held), struct(outputs), ctypes.c_void_p(arena)) == 0
        return outputs


class Emulated(Library):
    """Cases for another machine. Since starting an emulator takes long, all are run at once on their own feeds."""

    def __init__(self, cases: list[Case], folder: Path, cc: str | None = None, flags: Sequence[str] = ()) -> None:
        self._target = cases[0].program.target
        self._numbers = {id(c): i for i, c in enumerate(cases)}
        self._networks = [network(c) for c in cases]
        command = need_for(self._target, cc)
        options = [*STANDARD, "-Werror", "-O1", "-I", str(folder), *flags]
        units = copy_kernels(cases, folder) + write(cases, folder)
        compiled = objects(command, options, dict.fromkeys(units, b""), folder)
        self._program = guest.link(self._target, self._networks, compiled, folder / "all", ["-I", folder], cc)
        self._known = self._run([(i, c.feed) for i, c in enumerate(cases)])

    def _run(self, runs: Sequence[tuple[int, list[Array]]]) -> list[list[Array]]:
        answers = guest.run(self._target, self._program, self._networks, runs)
        return [answer.outputs for answer in answers]

    def run(self, case: Case, feed: list[Array]) -> list[Array]:
        number = self._numbers[id(case)]
        return self._known[number] if feed is case.feed else self._run([(number, feed)])[0]


def network(case: Case) -> guest.Network:
    """What an emulator has to know of a case."""
    inputs, outputs = (tuple((p.shape, p.dtype) for p in ports) for ports in (case.inputs, case.outputs))
    return guest.Network(case.program.name, inputs, outputs, case.program.arena_bytes)


def sample_cases() -> Iterable[tuple[str, Op]]:
    for name, cls in sorted(OPS.items()):
        yield from ((f"{name}-{i}", s) for i, s in enumerate(cls.samples()))


def fed_case(id: str, name: str, sample: Op) -> Case:
    """The case of an op's sample. Where all operands are constants, which would leave nothing to compute, the tensors
    among them become inputs."""
    sizes = sample_sizes(sample)
    graph, feed = sample_graph(sample, sizes), sample_feed(sample, sizes)
    if not graph.inputs:
        (op,) = graph.ops
        for v in dict.fromkeys(op.operands):
            if isinstance(v, Const) and v.type.rank > 1 and v.name not in ("w", "scale", "shape"):
                graph.replace(v, graph.input(f"in{len(graph.inputs)}", v.type))
                feed.append(v.data)
    for i in graph.inputs:  # so that operands lie in the arena, where buffers are shared
        if i.type.dtype in (DType.float32, DType.int32, DType.int64):
            graph.replace(i, Mul(i, Const(np.ones((), i.type.dtype.numpy))))
    return make_case(id, name, graph, feed)


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Case | Error], Library]:
    """Every op's samples as C; for those without a C form, the refusal."""
    found: dict[str, Case | Error] = {}
    for i, (id, sample) in enumerate(sample_cases()):
        try:
            found[id] = fed_case(id, f"s{i}", sample)
        except Error as e:
            found[id] = e
    cases = [c for c in found.values() if isinstance(c, Case)]
    return found, Library(cases, tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="session")
def sanitized(
    samples: tuple[dict[str, Case | Error], Library], tmp_path_factory: pytest.TempPathFactory
) -> subprocess.CompletedProcess[str]:
    """What a program prints that runs every sample under the address and undefined-behaviour sanitizers, with inputs,
    outputs and arena in heap blocks of exactly their sizes."""
    return sanitize([c for c in samples[0].values() if isinstance(c, Case)], tmp_path_factory.mktemp("sanitized"))


def sanitize(cases: list[Case], folder: Path, flags: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """What a program prints that runs all cases under sanitizers, each with memory of exactly its size."""
    lines = ["#include <stdlib.h>", "#include <string.h>", *(f'#include "{c.program.name}.h"' for c in cases)]
    lines += [line for c in cases for line in _function(c)]
    lines += ["int main(void)", "{", *(f"    run_{c.program.name}();" for c in cases), "    return 0;", "}", ""]
    (folder / "driver.c").write_text("\n".join(lines), encoding="ascii")
    options = ["-std=c11", "-O1", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", *flags]
    units = [*copy_kernels(cases, folder), *write(cases, folder), folder / "driver.c"]
    compile_all("cc", [*options, "-I", str(folder)], units, folder / "driver")
    return subprocess.run([str(folder / "driver")], capture_output=True, text=True)


def _function(case: Case) -> list[str]:
    """C that runs a case once."""
    n = case.program.name
    lines = [
        f"static void run_{n}(void)",
        "{",
        f"    void *arena = aligned_alloc(64, {-(-case.program.arena_bytes // 64) * 64 or 64});",
    ]
    for i, (port, array) in enumerate(zip(case.inputs, case.feed, strict=True)):
        lines += [f"    static const uint64_t in{i}[] = {{{' '.join(word_rows(array))}}};"]
        lines += [
            f"    {port.c_type} *x{i} = malloc({max(1, array.nbytes)});",
            f"    memcpy(x{i}, in{i}, {array.nbytes});",
        ]
    sizes = [p.size * np.dtype(p.dtype).itemsize for p in case.outputs]
    lines += [
        f"    {p.c_type} *y{i} = malloc({max(1, size)});"
        for i, (p, size) in enumerate(zip(case.outputs, sizes, strict=True))
    ]
    x, y = ([f"{v}{i}" for i in range(len(of))] for v, of in (("x", case.inputs), ("y", case.outputs)))
    lines += [
        f"    const {n}_inputs inputs = {{{', '.join(x) or '0'}}};",
        f"    {n}_outputs outputs = {{{', '.join(y) or '0'}}};",
    ]
    lines += [f"    if ({n}_run(&inputs, &outputs, arena) != 0) {{", "        abort();", "    }"]
    return [*lines, *(f"    free({v});" for v in (*x, *y, "arena")), "}", ""]


@pytest.fixture(scope="session")
def sanitizer() -> Callable[..., subprocess.CompletedProcess[str]]:
    return sanitize


CaseMaker = Callable[..., Case]


@pytest.fixture(scope="session")
def case_maker() -> CaseMaker:
    return make_case


@pytest.fixture(scope="session")
def library() -> type[Library]:
    return Library


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "sample_id" in metafunc.fixturenames:
        metafunc.parametrize("sample_id", [id for id, _ in sample_cases()])
