"""Programs that run networks under an emulator: what they are built from, and the files they read and write."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lissom.backends.c.cross import CROSS, need_for
from lissom.backends.c.emulation.machines import Machine, machine
from lissom.backends.c.toolchain import compile_c
from lissom.ir.errors import Error
from lissom.ir.types import Array

FOLDER = Path(__file__).parent
BOARD = FOLDER / "board"

TIMEOUT = 600
"""Seconds after which a program is taken to hang."""

DAMAGED = 1000
"""The status of a run that wrote beside its outputs and arena."""

Form = tuple[tuple[int, ...], str]
"""The shape and dtype of an input or output."""


@dataclass(frozen=True)
class Network:
    """A network that a guest holds, by the name of its C."""

    name: str
    inputs: tuple[Form, ...]
    outputs: tuple[Form, ...]
    arena_bytes: int


@dataclass(frozen=True)
class Answer:
    """What a run gave."""

    outputs: list[Array]
    stack_bytes: int
    """How far down the stack was written to."""


def nbytes(form: Form) -> int:
    shape, dtype = form
    return int(np.prod(shape)) * np.dtype(dtype).itemsize


def table(networks: Sequence[Network]) -> str:
    """The C that lists the networks."""
    lines = ['#include "guest.h"', *(f'#include "{n.name}.h"' for n in networks), ""]
    for n in networks:
        sizes = ", ".join(f"{nbytes(f)}u" for f in (*n.inputs, *n.outputs)) or "0u"
        lines += [
            f"static int run_{n.name}(void *const *inputs, void *const *outputs, void *arena)",
            "{",
            "    /* A struct of pointers lies in memory as an array of pointers does. */",
            f"    return {n.name}_run((const void *)inputs, (void *)(uintptr_t)outputs, arena);",
            "}",
            f"static const uint32_t bytes_{n.name}[] = {{{sizes}}};",
        ]
    rows = [
        f"    {{run_{n.name}, {len(n.inputs)}, {len(n.outputs)}, {n.arena_bytes}, bytes_{n.name}}}," for n in networks
    ]
    most = max(sum(nbytes(f) + 192 for f in (*n.inputs, *n.outputs)) + n.arena_bytes + 512 for n in networks)
    lines += ["const network networks[] = {", *rows, "};", f"const uint32_t network_count = {len(networks)};"]
    lines += [f"static union {{ uint64_t align; uint8_t bytes[{most}]; }} memory __attribute__((aligned(64)));"]
    return "\n".join([*lines, "uint8_t *const pool = memory.bytes;", ""])


def link(
    target: str,
    networks: Sequence[Network],
    units: Sequence[Path],
    program: Path,
    flags: Sequence[str | Path] = (),
    cc: str | None = None,
) -> Path:
    """Compile ``units``, which hold the networks' functions or are their object files, into the file ``program``;
    ``flags`` say where headers are. Raises Error when there is no compiler or it fails, and when the board's memory is
    too small."""
    command = need_for(target, cc)
    board = machine(target).board
    with tempfile.TemporaryDirectory(dir=program.parent) as work:
        listed, script, made = Path(work, "networks.c"), Path(work, "board.ld"), Path(work, program.name)
        listed.write_text(table(networks), encoding="ascii")
        own: list[str | Path] = [listed, FOLDER / "driver.c"]
        own += [FOLDER / "linux.c"] if board is None else [BOARD / "start.c", BOARD / "semihosting.c"]
        folders: list[str | Path] = ["-I", FOLDER, "-I", BOARD]
        options: list[str | Path] = ["-std=gnu99", "-O2", "-ffp-contract=off", *flags, *folders, "-o", made]
        if board is None:
            options.append("-static")
        else:
            script.write_text(board.linker_script(large=True), encoding="ascii")
            options += ["-nostartfiles", "-T", script]
        try:
            compile_c(command, [*options, *own, *units, *libraries(target, command)])
        except Error as e:
            if board is None or not any(words in str(e) for words in _TOO_LARGE):
                raise
            names = ", ".join(n.name for n in networks)
            raise Error(
                f"{names} cannot be run for {target} here: weights, code, inputs, outputs, arena and stack do not fit "
                f"into the {board.large[1] / 1e6:.1f} MB of {board.name}, the board that qemu plays; "
                "the C is complete, and needs a board with more memory"
            ) from e
        made.replace(program)
    return program


_TOO_LARGE = ("overflowed by", "no room left for the stack")
"""What linkers say of a memory that is too small, and what the linker script says of the stack."""


def libraries(target: str, command: Sequence[str]) -> list[str]:
    """What a program is linked with besides."""
    return [] if "ziglang" in command and CROSS[target].bare else ["-lm"]


def run(
    target: str,
    program: Path,
    networks: Sequence[Network],
    runs: Sequence[tuple[int, Sequence[Array]]],
    options: Sequence[str] = (),
    played: Machine | None = None,
) -> list[Answer]:
    """Run networks, given by their number, on inputs, on the target's machine or the one ``played``. ``options`` go to
    the emulator. Raises Error when the program fails or a network returns a status that is not 0."""
    played = played or machine(target)
    with tempfile.TemporaryDirectory() as work:
        with open(Path(work, "inputs"), "wb") as file:
            for which, arrays in runs:
                file.write(np.uint32(which).tobytes())
                for array, (shape, dtype) in zip(arrays, networks[which].inputs, strict=True):
                    file.write(np.ascontiguousarray(array, dtype).reshape(shape).tobytes())
        command = [played.emulator, *options]
        if played.board is None:
            command += ["-cpu", played.cpu, str(program.resolve())]
        else:
            command += [
                "-M",
                played.board.name,
                "-cpu",
                played.cpu,
                "-nographic",
                "-monitor",
                "none",
                "-serial",
                "null",
            ]
            command += ["-chardev", "stdio,id=said", "-semihosting-config", "enable=on,target=native,chardev=said"]
            command += ["-kernel", str(program.resolve())]
        try:
            done = subprocess.run(
                command, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT
            )
        except subprocess.TimeoutExpired as e:
            raise Error(f"{program.name} did not end under {played.emulator} within {TIMEOUT} s") from e
        if done.returncode:
            said = (done.stdout + done.stderr).strip()[-500:]
            raise Error(f"{program.name} ended with status {done.returncode} under {played.emulator}: {said}")
        return _answers(Path(work, "outputs").read_bytes(), networks, [which for which, _ in runs])


def _answers(data: bytes, networks: Sequence[Network], runs: Sequence[int]) -> list[Answer]:
    found, at = [], 0
    for which in runs:
        network = networks[which]
        status, stack = np.frombuffer(data, "<u4", 2, at).tolist()
        at += 8
        if status == DAMAGED:
            raise Error(f"{network.name}_run wrote beside its outputs and arena")
        if status:
            raise Error(f"{network.name}_run returned {status}")
        outputs = []
        for shape, dtype in network.outputs:
            count = int(np.prod(shape))
            outputs.append(np.frombuffer(data, dtype, count, at).reshape(shape).copy())
            at += nbytes((shape, dtype))
        found.append(Answer(outputs, stack))
    return found
