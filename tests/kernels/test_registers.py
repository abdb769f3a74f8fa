"""The sums of a tile stay in registers: no loop over products touches vectors on the stack."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lissom.backends.c.toolchain import STANDARD
from lissom.kernels.kernel import Kernel
from lissom.kernels.table import KERNELS

DOTS = {"q8": re.compile(r"dpbusd|dpwssd|pmaddwd"), "f32": re.compile(r"vfmadd")}
"""Instructions that multiply and accumulate."""

SPREAD = re.compile(r"broadcastss [^%]*\(%r(?!ip)|\(%r(?!ip).*1to")
"""What reads a float from memory, not one that is a constant, into all lanes."""

TILES = {
    "conv_q8_avx512vnni": ["14x2", "7x2", "4x4", "16x1"],
    "conv_q8_halves_avx512vnni": ["16x1", "8x3"],
    "conv_q8_avxvnni": ["6x2", "4x2"],
    "conv_q8_x86_64_v4": ["14x2", "7x2"],
    "conv_q8_x86_64_v3": ["7x1", "6x2", "2x4"],
    "conv_q8_x86_64_v2": ["13x1", "4x2"],
    "conv_q8_mended_x86_64_v3": ["7x1", "4x2"],
    "conv_q8_offset_x86_64_v3": ["7x1", "4x2"],
    "conv_q8_winograd_avx512vnni": ["8x2", "4x4"],
    "conv_q8_winograd_x86_64_v3": ["6x2", "4x2"],
    "conv_f32_x86_64_v4": ["14x2", "7x2", "6x4"],
    "conv_f32_halves_x86_64_v4": ["9x3"],
    "conv_f32_x86_64_v3": ["6x2", "7x1"],
    "conv_f32_winograd_x86_64_v4": ["14x2"],
    "conv_f32_winograd_x86_64_v3": ["5x2"],
    "conv_q8_amx": ["2x2", "1x4"],
    "matmul_q8_avx512vnni": ["13x2"],
    "matmul_q8_avxvnni": ["6x2"],
    "matmul_q8_x86_64_v3": ["13x1"],
    "matmul_f32_x86_64_v4": ["8x2"],
}
"""Of each level, tiles that layers of real networks choose."""

KNOWN = {"ROWS": 14, "STEP": 64, "REST": 0, "CHUNK": 64, "BLOCK": 24, "DEPTH": 64, "PART": 32}
"""What a layer of 14 columns and 64 channels gives."""


def loops(listing: str) -> list[list[str]]:
    """The innermost loops of a disassembly: the instructions from where a jump back leads to it."""
    code = [(int(a, 16), t) for a, t in re.findall(r"^\s*([0-9a-f]+):\s+(\S.*)$", listing, re.MULTILINE)]
    found = []
    for address, text in code:
        jump = re.match(r"j\w+\s+([0-9a-f]+)\b", text)
        if jump and int(jump[1], 16) < address:
            found.append((int(jump[1], 16), address))
    inner = [s for s in found if not any(s != t and s[0] <= t[0] and t[1] <= s[1] for t in found)]
    return [[t for a, t in code if first <= a <= last] for first, last in inner]


def listing(kernel: Kernel, cc: str, folder: Path) -> str:
    for name, text in kernel.files().items():
        (folder / name).write_text(text, encoding="ascii")
    unit = folder / f"{kernel.name}.o"
    flags = [*STANDARD, "-Werror", "-O3", "-fPIC", "-c", "-o", str(unit), "-I", str(folder)]
    done = subprocess.run([cc, *flags, str(folder / f"{kernel.name}.c")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    shown = ["objdump", "-d", "--no-show-raw-insn", str(unit)]
    return subprocess.run(shown, capture_output=True, text=True, check=True).stdout


FIRST = {"STEP": 12, "REST": 2}
"""What a first layer of 3 channels with stride 2 gives where tiles read words: columns see the same groups."""


def specialized(name: str, given: dict[str, int] | None = None) -> Kernel:
    """The kernel of that name for the layer, or for one that gives these numbers."""
    kernel = next(k for k in KERNELS if k.name == name)
    if given is None:
        names = ("ROWS", "STEP", "REST", "CHUNK") if kernel.level == "amx" else ("STEP", "REST")
        if "winograd" in name:
            names = ("BLOCK", "DEPTH", "PART")
        elif "matmul" in name:
            names = ("STEP", "DEPTH")
        given = {n: KNOWN[n] for n in names}
    return replace(kernel, known=lambda params: given).specialized({})


@pytest.mark.parametrize("cc", ["gcc", "clang"])
@pytest.mark.parametrize("family", TILES)
def test_sums_stay_in_registers(family: str, cc: str, tmp_path: Path) -> None:
    for tool in (cc, "objdump"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    layers = [(size, None) for size in TILES[family]]
    if family == "conv_q8_x86_64_v3":
        layers.append(("6x2", FIRST))
    for size, given in layers:
        kernel = specialized(f"lissom_{family}_{size}", given)
        rows, vectors = (int(n) for n in size.split("x"))
        dot = DOTS["f32" if "f32" in family else "q8"]
        found = loops(listing(kernel, cc, tmp_path))
        if "f32_winograd" in family:  # its transforms multiply and add too, but read no activation into all lanes
            found = [b for b in found if sum(bool(SPREAD.search(t)) for t in b) >= rows]
        busy = [b for b in found if sum(bool(dot.search(t)) for t in b) >= rows * vectors]
        assert busy, f"{kernel.name}: no loop of {rows * vectors} products"
        for body in busy:
            spilled = [t for t in body if re.search(r"\(%r[sb]p", t) and re.search(r"%[xyz]mm", t)]
            assert not spilled, f"{kernel.name} by {cc}: {spilled[:3]}"


@pytest.mark.parametrize("registers", [1, 2])
@pytest.mark.parametrize("cc", ["gcc", "clang"])
def test_sums_of_sparse_rows_stay_in_registers(cc: str, registers: int, tmp_path: Path) -> None:
    for tool in (cc, "objdump"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    given = {"ROWS": 4, "VECTORS": 4, "REGISTERS": registers, "BOUNDED": 1}
    found = loops(listing(specialized("lissom_sparse_rows_q8_avx512vnni", given), cc, tmp_path))
    busy = [b for b in found if sum(bool(DOTS["q8"].search(t)) for t in b) >= 4]
    assert len(busy) >= 4
    assert not [t for b in busy for t in b if re.search(r"\(%r[sb]p", t) and re.search(r"%[xyz]mm", t)]
