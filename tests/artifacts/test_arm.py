"""Artifacts for Arm, under an emulator: the bytes of the interpreter, and memory as the report says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples.boards import __main__ as boards
from lissom.backends.c import Artifact, emit
from lissom.backends.c.budget import Budget, OverBudget
from lissom.backends.c.cross import CROSS, find_for, need_for
from lissom.backends.c.emulation import guest
from lissom.backends.c.emulation.machines import Machine, lacking_for
from lissom.backends.c.footprint import LIBRARY_STACK
from lissom.backends.c.toolchain import STANDARD, compile_c, sources
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.importers.onnx import load
from lissom.ir.interpreter import evaluate
from lissom.passes.runner import run

EXAMPLES = Path(__file__).parents[2] / "examples"
TARGETS = ["aarch64", "aarch64+i8mm", "cortex-m0", "cortex-m4", "cortex-m55"]


@pytest.fixture(scope="module")
def lenet() -> tuple[Graph, Any]:
    """LeNet-5 in int8, and images."""
    calibration = np.load(EXAMPLES / "data" / "fashion_mnist_calib.npz")["x"][:64]
    graph = run("fold, quantize(int8)", load(EXAMPLES / "lenet5.onnx"), data=[calibration])
    return graph, np.load(EXAMPLES / "data" / "fashion_mnist_test.npz")["x"][:3]


def need(target: str) -> None:
    if lacks := lacking_for(target):
        pytest.skip(f"to run {target} here, install {lacks}")


@pytest.mark.parametrize("target", TARGETS)
def test_bytes_and_stack(target: str, lenet: tuple[Graph, Any], tmp_path: Path) -> None:
    need(target)
    graph, x = lenet
    facts = emit(graph, tmp_path / "out", target=target)["artifact"]
    artifact = Artifact(tmp_path / "out")
    assert artifact.run(x)[0].tobytes() == evaluate(graph, x)[0].tobytes()
    (answer,) = guest.run(target, artifact.build(), [artifact.network], [(0, [x[:1]])])
    # Not every network takes the deepest way through a kernel: there is memory to set to zero below some only.
    unknown = 16 if target in ("cortex-m4", "cortex-m55") else LIBRARY_STACK
    assert answer.stack_bytes <= facts["stack_bytes"] <= answer.stack_bytes + unknown
    with pytest.raises(Error, match="count instructions"):
        artifact.time(x[:1])


def test_kernels_for_patches_of_any_length(lenet: tuple[Graph, Any], tmp_path: Path) -> None:
    """With ``optimize="size"`` those of cortex-m55 are not compiled for a layer each, and compute the same."""
    need("cortex-m55")
    graph, x = lenet
    fast, small = (emit(graph, tmp_path / o, target="cortex-m55", optimize=o) for o in ("speed", "size"))  # type: ignore[arg-type]
    names = {name for layer in small["layers"] for name in layer["kernel"].split(", ")}
    assert "lissom_conv_q8_m55" in names
    assert small["artifact"]["code_bytes"] < fast["artifact"]["code_bytes"]
    assert Artifact(tmp_path / "size").run(x)[0].tobytes() == evaluate(graph, x)[0].tobytes()


@pytest.mark.parametrize("target", ["aarch64", "cortex-m4", "cortex-m55"])
def test_clang_has_no_warning(target: str, lenet: tuple[Graph, Any], tmp_path: Path) -> None:
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    need(target)
    emit(lenet[0], tmp_path / "out", target=target)
    for command in (need_for(target), need_for(target, "clang")):
        options = [*STANDARD, "-Werror", "-O1", "-fsyntax-only", "-I", tmp_path / "out"]
        compile_c(command, [*options, *sources(tmp_path / "out", "model")])


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
@pytest.mark.parametrize("board", boards.TARGETS)
def test_firmware_answers_and_takes_what_the_report_says(board: str, tmp_path: Path) -> None:
    need(boards.TARGETS[board])
    firmware = boards.build(board, "lenet5", 5, tmp_path)
    said = boards.start(board, firmware).splitlines()
    assert len(said) == 6
    assert said[-1].endswith("of 5 right")
    assert int(said[-1].split()[0]) >= 4
    facts = Artifact(tmp_path / "network").report["artifact"]
    taken = by_unit((tmp_path / "build" / "classify.map").read_text())
    weights = taken.pop("model_weights")
    assert {**taken, "libraries": 0} == {**facts["code"], "libraries": 0}
    assert facts["flash_bytes"] == weights + facts["code_bytes"]
    symbols = subprocess.run(["arm-none-eabi-nm", "-S", firmware], capture_output=True, text=True, check=True).stdout
    (arena,) = re.findall(r"\w+ (\w+) b arena", symbols)
    assert int(arena, 16) == facts["arena_bytes"]


def by_unit(linker_map: str) -> dict[str, int]:
    """The bytes of each unit of the network's library, as the linker placed them."""
    placed = linker_map[linker_map.index("Linker script and memory map") :]
    found: dict[str, int] = {}
    pattern = r"^ \.(?:text|rodata|data|bss|ARM\.exidx)\S*\s+0x\w+\s+(0x\w+) \S*libmodel\.a\((\w+)\.c"
    for size, unit in re.findall(pattern, placed, re.MULTILINE):
        found[unit] = found.get(unit, 0) + int(size, 16)
    return found


def test_network_over_budget_is_refused_with_a_table(lenet: tuple[Graph, Any], tmp_path: Path) -> None:
    with pytest.raises(OverBudget) as refused:
        emit(lenet[0], tmp_path / "out", budget=Budget(ram=4096, flash=32768))
    text = str(refused.value)
    for part in ("bytes of 4,096", "bytes of 32,768", "at its peak", "stack", "weights", "code", "lissom_conv_q8"):
        assert part in text
    assert not (tmp_path / "out").exists()
    emit(lenet[0], tmp_path / "out", budget=Budget(ram=1 << 20, flash=1 << 20))


def test_missing_compiler_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lissom.backends.c.cross.shutil.which", lambda name: None)
    monkeypatch.setattr("lissom.backends.c.cross.has_zig", lambda: False)
    for target, cross in CROSS.items():
        if find_for(target) is None:
            with pytest.raises(Error, match=re.escape(cross.packages)):
                need_for(target)


@pytest.mark.parametrize("cpu", ["cortex-a53", "cortex-a76", "max,sve=off,sme=off"])
def test_code_for_several_runs_on_each(cpu: str, several: tuple[Path, Any, Any]) -> None:
    """Instructions that a processor does not have would end the program."""
    program, x, expected = several
    network = Artifact(program.parents[1]).network
    played = Machine(cpu)
    (answer,) = guest.run("arm64", program, [network], [(0, [x])], played=played)
    assert answer.outputs[0].tobytes() == expected.tobytes()


@pytest.fixture(scope="module")
def several(lenet: tuple[Graph, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """A program for every AArch64, an image and what the graph computes of it."""
    need("arm64")
    graph, x = lenet
    out = tmp_path_factory.mktemp("several") / "out"
    report = emit(graph, out, target="arm64")
    assert report["artifact"]["levels"] == ["aarch64+i8mm", "aarch64+dotprod", "aarch64"]
    return Artifact(out).build(), x[:1], evaluate(graph, x[:1])[0]
