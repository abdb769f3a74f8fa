"""The table of kernels and the files agree."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from lissom.backends.c.packing import PACKINGS
from lissom.backends.c.toolchain import STANDARD
from lissom.kernels.kernel import FOLDER, Kernel
from lissom.kernels.table import KERNELS, TARGETS, kernels_of


def test_every_file_is_one_kernel_and_every_kernel_one_file() -> None:
    files = Counter(f.stem for f in FOLDER.rglob("*.c"))
    assert files == Counter(k.name for k in KERNELS if not k.template)
    assert max(Counter(k.name for k in KERNELS).values()) == 1


def test_the_reference_of_every_task_is_portable() -> None:
    for k in KERNELS:
        first = kernels_of(k.task.name)[0]
        assert (first.name, first.level) == (f"lissom_{k.task.name}", "portable")


def test_every_target_ends_with_portable_and_levels_are_known() -> None:
    assert all(levels[-1] == "portable" for levels in TARGETS.values())
    assert {k.level for k in KERNELS} <= {level for levels in TARGETS.values() for level in levels}


def test_packings_are_known_and_name_operands() -> None:
    for k in KERNELS:
        assert {layout.split()[0] for layout in k.packing.values()} <= PACKINGS.keys()
        assert set(k.packing) <= {a.name for a in k.task.arguments}


WRITTEN = list({k.source: k for k in KERNELS}.values())
"""A kernel for each file of code."""


@pytest.mark.parametrize("kernel", WRITTEN, ids=lambda k: k.name)
def test_no_kernel_allocates_or_keeps_state(kernel: Kernel) -> None:
    text = kernel.source.read_text()
    assert not re.search(r"\b(malloc|calloc|free|alloca|static (?!const|inline|void|int|float|number|scaled))\b", text)


def test_prototypes_in_the_table_are_those_in_c(tmp_path: Path) -> None:
    """One unit declares every kernel both ways; a difference does not compile."""
    headers = sorted({k.task.header for k in KERNELS})
    names = [f.name for f in (FOLDER / "portable").glob("*.c")]
    text = [f'#include "{h}"' for h in headers] + [k.prototype for k in KERNELS]
    (tmp_path / "all.c").write_text("\n".join([*text, ""]))
    done = subprocess.run(
        ["cc", *STANDARD, "-Werror", "-fsyntax-only", "-I", str(FOLDER / "portable"), str(tmp_path / "all.c")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert names


@pytest.mark.parametrize("kernel", WRITTEN, ids=lambda k: k.name)
def test_definitions_match_the_table(kernel: Kernel) -> None:
    """The macro-made ones are checked where artifacts compile; the rest by their text."""
    text = " ".join(kernel.source.read_text().split())
    name = "LISSOM_KERNEL" if kernel.source.suffix == ".h" else kernel.source.stem
    if f"void {name}(" not in text:
        assert re.search(rf"LISSOM_\w+\( ?{name},", text)
        return
    types = [a.c_type.replace(" *", "").replace("const ", "") for a in kernel.task.arguments]
    declared = re.search(rf"void {name}\(([^)]*)\)", text)
    assert declared
    parts = declared[1].split(",")
    assert kernel.task.params in parts[0]
    for part, c_type in zip(parts[1:], types, strict=False):
        assert re.search(rf"\b{c_type}\b", part)
    assert len(parts) == 1 + len(types) + kernel.task.takes_scratch
