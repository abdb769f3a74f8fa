"""``emit``: a graph becomes a folder of C that stands alone."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from lissom.backends.c import bindings as _bindings  # noqa: F401  # registers how ops become kernel calls
from lissom.backends.c.budget import UNLIMITED, Budget, check
from lissom.backends.c.build_files import is_bare
from lissom.backends.c.builder import Builder, Chooser
from lissom.backends.c.dispatch import dispatch
from lissom.backends.c.edges import Edges, model_edges
from lissom.backends.c.footprint import Footprint, footprint
from lissom.backends.c.host import resolve
from lissom.backends.c.lower import lower
from lissom.backends.c.memory.buffers import share_and_place
from lissom.backends.c.memory.order import less_memory
from lissom.backends.c.memory.room import rooms
from lissom.backends.c.names import prefix
from lissom.backends.c.packages import PACKAGES, WITHOUT_CONTRACTION, Package, code_folder, wrapping
from lissom.backends.c.page import page
from lissom.backends.c.program import Program
from lissom.backends.c.report import artifact_report
from lissom.backends.c.selftest import reference, selftest
from lissom.backends.c.signedness import with_activations
from lissom.backends.c.source import Port, body, header, ports
from lissom.backends.c.threads.pool import MOST, thread_files
from lissom.backends.c.times import Tuned, job
from lissom.backends.c.toolchain import sources
from lissom.backends.c.weights import weights_header, weights_source
from lissom.ir.errors import DataError, Error
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.types import Array
from lissom.kernels.kernel import identifier
from lissom.kernels.table import SEVERAL, Thrifty, activation, choose

MARK = "report.json"
"""The file that shows a folder to be an artifact, which may be replaced."""

ALIGNMENT = {f"cortex-m{n}": 16 for n in (0, 3, 4, 7, 55)}
"""What arena and weights are aligned to where that is not 64: a microcontroller's vectors are 16 bytes, and memory is
scarce."""

PLAN_SECONDS = 20
"""How long integer programming looks for the smallest arena."""

STACK_BOUND = 8192
"""What a call may take of the stack where no compiler is there to measure it; a test holds every kernel to it."""


def emit(
    graph: Graph,
    out_dir: str | Path,
    *,
    target: str = "portable",
    name: str | None = None,
    io: Literal["float", "int8"] = "float",
    sizes: Mapping[str, int] | None = None,
    source: str | Path | Mapping[str, Any] | None = None,
    report: Mapping[str, Any] | None = None,
    vectors: Sequence[Sequence[Array]] | None = None,
    alignment: int | None = None,
    optimize: Literal["speed", "size"] = "speed",
    tuned: Tuned | None = None,
    budget: Budget = UNLIMITED,
    package: Package = "cmake",
    threads: int = 1,
    plan: Literal["heuristic", "exact"] = "heuristic",
) -> dict[str, Any]:
    """Write ``graph`` as C into the folder ``out_dir``; returns the report, which is also there as ``report.json``.

    ``sizes`` gives numbers to symbolic sizes; batch symbols left over are 1. With ``io="int8"`` the quantize and
    dequantize ops at the edges are left to the caller. ``source``, a file, is the model the graph came from; it is kept
    beside the code for ``lissom verify``. ``report`` adds to the report, such as ``passes``. ``vectors`` are inputs for
    the test program; pseudo-random ones are made when there are none. With ``optimize="size"``
    layers share few kernels that take any sizes; otherwise most have kernels that are compiled for theirs. ``tuned``,
    from :func:`lissom.backends.c.tune.tune`, chooses kernels by measured time, in place of their costs. ``alignment``
    of arena and weights is by default that of the cache lines or vectors of the target. ``budget`` limits memory.
    ``package`` says what is written around the C: a CMake project, an Arduino library or a Zephyr module. With
    ``threads`` above 1 the work of a run is divided into up to so many parts at a time, the results staying the same
    bytes. With ``plan="exact"`` the arena is made as small as integer programming can within ``PLAN_SECONDS``.

    The folder is written aside and moved into place when it is complete. Raises Unsupported for what has no C form,
    DataError for a name that cannot be used, OverBudget for a network that takes more memory than it may, and Error
    when ``out_dir`` holds something that is not an artifact.
    """
    target = resolve(target)
    alignment = alignment or ALIGNMENT.get(target, 64)
    if io not in ("float", "int8"):
        raise Error(f"io is 'float' or 'int8', got {io!r}")
    out = Path(out_dir)
    check_replaceable(out)
    name = prefix("model" if name is None else name)
    if package not in PACKAGES:
        raise Error(f"package is one of {', '.join(PACKAGES)}, got {package!r}")
    if optimize not in ("speed", "size"):
        raise Error(f"optimize is 'speed' or 'size', got {optimize!r}")
    if optimize == "size" and tuned is not None:
        raise Error("kernels are chosen either by time (tuned) or for small code (optimize='size')")
    check_threads(threads, target, package)
    if plan not in ("heuristic", "exact"):
        raise Error(f"plan is 'heuristic' or 'exact', got {plan!r}")
    seconds = PLAN_SECONDS if plan == "exact" else 0
    chooser: Chooser = Thrifty() if optimize == "size" else tuned or choose
    if target in SEVERAL:
        lowered, edges, program = plan_levels(graph, target, name, io, sizes, chooser, alignment, threads, seconds)
    else:
        lowered, edges, program = plan_program(graph, target, name, io, sizes, chooser, alignment, threads, seconds)
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        found = _write(work, graph, lowered, program, edges, source, report, vectors, tuned, budget, package)
        _move_into_place(work, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return found


def plan_program(
    graph: Graph,
    target: str,
    name: str = "model",
    io: Literal["float", "int8"] = "float",
    sizes: Mapping[str, int] | None = None,
    chooser: Chooser = choose,
    alignment: int = 64,
    threads: int = 1,
    seconds: float = 0,
) -> tuple[Graph, Edges, Program]:
    """The lowered graph, where it begins and ends, and its kernel calls, in the graph's order or in one that needs a
    smaller arena, with memory for all that they touch."""
    lowered = lower(graph, sizes)
    edges = model_edges(lowered, io)
    if (wanted := activation(target)) is not None:
        lowered = with_activations(lowered, wanted, keep={*edges.inputs, *edges.outputs})
        edges = model_edges(lowered, io)

    def build(by: Chooser, ops: Sequence[Op] | None) -> Program:
        program = Builder(lowered, name, target, by).build((edges.inputs, edges.outputs), edges.skipped, ops)
        program.alignment, program.threads, program.plan_seconds = alignment, threads, seconds
        share_and_place(program)
        return program

    def planned(ops: Sequence[Op] | None = None) -> Program:
        weighing = chooser if isinstance(chooser, Thrifty) else choose
        program = build(Thrifty() if isinstance(chooser, Thrifty) else chooser, ops)
        if (chooser is choose or chooser is weighing) and (found := rooms(program)):
            program = build(lambda task, params, on: weighing(task, params, on, found.get(job(task, params))), ops)
        return program

    program = planned()
    if (ops := less_memory(lowered, edges.skipped)) is not None:
        program = min(program, planned(ops), key=lambda p: p.arena_bytes)
    return lowered, edges, program


def plan_levels(
    graph: Graph,
    target: str,
    name: str,
    io: Literal["float", "int8"],
    sizes: Mapping[str, int] | None,
    chooser: Chooser,
    alignment: int,
    threads: int,
    seconds: float,
) -> tuple[Graph, Edges, Program]:
    """As :func:`plan_program`, for each of several targets, in one program that chooses between them. The lowered graph
    is the last one's."""
    whole = Program(name, target, alignment=alignment, threads=threads)
    for one in SEVERAL[target]:
        level = f"{name}_{identifier(one)}"
        lowered, edges, program = plan_program(graph, one, level, io, sizes, chooser, alignment, threads, seconds)
        whole.levels.append(program)
        whole.weights += program.weights
        whole.arena_bytes = max(whole.arena_bytes, program.arena_bytes)
        whole.arena_lower_bound = max(whole.arena_lower_bound, program.arena_lower_bound)
    return lowered, edges, whole


def check_threads(threads: int, target: str, package: str) -> None:
    """Raise Error where an artifact cannot be divided among so many threads."""
    if not 1 <= threads <= MOST:
        raise Error(f"threads is from 1 to {MOST}, got {threads}")
    if threads > 1 and (is_bare(target) or package != "cmake"):
        what = f"the target {target}" if is_bare(target) else f"a library for {package}"
        raise Error(f"{what} has no threads: they are POSIX threads of an operating system; leave out threads")


def check_replaceable(out: Path) -> None:
    """Raise Error unless ``out`` is free, empty, or an artifact."""
    while True:
        try:
            before, entries, now = out.stat(), list(os.scandir(out)), out.stat()
        except FileNotFoundError:
            return
        except NotADirectoryError:
            raise Error(f"{out} is a file; give a folder") from None
        if not entries or any(e.name == MARK and e.is_file() for e in entries):
            return
        if os.path.samestat(before, now):  # else another artifact was moved there meanwhile
            raise Error(f"{out} is not empty and not an artifact of lissom; give another folder, or remove it")


def _write(
    folder: Path,
    graph: Graph,
    lowered: Graph,
    program: Program,
    edges: Edges,
    model: str | Path | Mapping[str, Any] | None,
    extra: Mapping[str, Any] | None,
    vectors: Sequence[Sequence[Array]] | None,
    tuned: Tuned | None,
    budget: Budget,
    package: Package,
) -> dict[str, Any]:
    inputs, outputs = ports([i.name for i in lowered.inputs], edges.inputs), ports(lowered.output_names, edges.outputs)
    name = program.name
    code = folder / code_folder(package)
    write_code(code, program, inputs, outputs)
    if package == "arduino":
        for unit in sources(code, name):
            put(unit, WITHOUT_CONTRACTION + unit.read_text(encoding="ascii"))
    for path, text in wrapping(program, package, inputs, outputs).items():
        put(folder / path, text)
    taken = _footprint(code, program)
    check(program, budget, taken, STACK_BOUND)
    if taken is not None:
        put(code / f"{name}.h", header(program, inputs, outputs, taken.stack))
    tests = folder / "extras" if package == "arduino" else folder
    put(tests / f"{name}_test.c", selftest(program, inputs, outputs, reference(lowered, edges, vectors), edges))
    found = artifact_report(graph, program, edges, inputs, outputs, taken, tuned)
    found["package"] = package
    found["source"] = _keep_source(folder, model)
    found.update(extra or {})
    (folder / MARK).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (folder / "report.html").write_text(page(found), encoding="utf-8")
    return found


def put(path: Path, text: str) -> None:
    """Write a file that is the same on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii", newline="\n")


def write_code(folder: Path, program: Program, inputs: Sequence[Port], outputs: Sequence[Port]) -> None:
    """The program in C: kernels, calls, constants, and the header for callers."""
    name = program.name
    for file, text in {f: text for k in program.kernels for f, text in k.files().items()}.items():
        put(folder / "kernels" / file, text)
    for each in program.levels or [program]:
        put(folder / f"{each.name}.c", body(each, inputs, outputs, name if program.levels else ""))
        put(folder / f"{each.name}_weights.h", weights_header(each))
        put(folder / f"{each.name}_weights.c", weights_source(each))
    if program.levels:
        put(folder / f"{name}.c", dispatch(program))
    for file, text in thread_files(program).items():
        put(folder / file, text)
    put(folder / f"{name}.h", header(program, inputs, outputs, STACK_BOUND))


def _footprint(folder: Path, program: Program) -> Footprint | None:
    with tempfile.TemporaryDirectory() as work:
        return footprint(folder, program.name, program.target, Path(work))


def _keep_source(folder: Path, model: str | Path | Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Copy the source model in; what is recorded of it has no path that leads outside the folder."""
    if model is None:
        return None
    if isinstance(model, Mapping):
        return dict(model)
    path = Path(model)
    if not path.is_file():
        raise DataError(f"the source model {path} is not a file")
    suffix = path.suffix if re.fullmatch(r"\.\w{1,8}", path.suffix, re.ASCII) else ""
    kept = f"source{suffix}"
    shutil.copyfile(path, folder / kept)
    return {"file": kept, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _move_into_place(work: Path, out: Path) -> None:
    """Make ``work`` what ``out`` is. Of several who do so at once the last one stays."""
    work.chmod(0o755)
    old = work.with_name(work.name + ".old")
    try:
        while True:
            check_replaceable(out)
            with suppress(FileNotFoundError):
                out.rename(old)
            try:
                work.rename(out)
                return
            except OSError as e:
                if e.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        if old.exists() and not out.exists():
            old.rename(out)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
