"""Artifacts that need AMX say so, ask for it, and come to the bytes of those that do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lissom.backends.c import Artifact, emit, host
from lissom.backends.c.host import missing
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.samples import literal, random_array
from lissom.ir.types import DType, tensor
from lissom.ir.values import Const

EMULATION = Path(__file__).parents[1] / "kernels" / "amx_emulation.h"


def layer() -> Graph:
    """A convolution that is large enough for the matrix unit."""
    graph = Graph("one")
    x = graph.input("x", tensor(DType.uint8, 1, 64, 14, 14))
    w = Const(random_array("w", (64, 64, 3, 3), DType.int8, -127, 128))
    scales = Const(random_array("s", (64,), DType.float32, 0.001, 0.01))
    of_x = literal("sx", 0.1, DType.float32), literal("zx", 3, DType.uint8)
    of_y = literal("sy", 20.0, DType.float32), literal("zy", 100, DType.uint8)
    graph.append(QLinearConv(x, *of_x, w, scales, literal("zw", 0, DType.int8), *of_y, pads=(1, 1, 1, 1)))
    graph.set_outputs({"y": graph.ops[-1]})
    return graph


def test_the_system_is_asked_by_artifacts_for_amx_alone(tmp_path: Path) -> None:
    for target in ("amx", "avx512vnni"):
        emit(layer(), tmp_path / target, target=target)
        for file in ("model.h", "model.c", "model_test.c"):
            assert ("model_init" in (tmp_path / target / file).read_text()) is (target == "amx")


def test_without_amx_the_artifact_says_so(tmp_path: Path) -> None:
    if not missing("amx"):
        pytest.skip("this machine has AMX")
    emit(layer(), tmp_path / "out", target="amx")
    with pytest.raises(Error, match="needs AMX"):
        Artifact(tmp_path / "out").run(np.zeros((1, 64, 14, 14), np.uint8))


V3 = "sse3 ssse3 sse4_1 sse4_2 popcnt avx avx2 bmi1 bmi2 f16c fma"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        (V3, "x86-64-v3"),
        (f"{V3} avx_vnni", "avxvnni"),  # no AVX-512: processors of two kinds of cores
        (V4, "x86-64-v4"),
        (f"{V4} avx512_vnni", "avx512vnni"),
        (f"{V4} avx512_vnni avx_vnni", "avx512vnni"),
        (f"{V4} avx512_vnni avx_vnni amx_tile amx_bf16 amx_int8", "amx"),
        (f"{V4} avx512_vnni avx_vnni amx_tile amx_bf16", "avx512vnni"),
    ],
)
def test_native_is_the_best_level_that_a_processor_has(
    monkeypatch: pytest.MonkeyPatch, flags: str, wanted: str
) -> None:
    monkeypatch.setattr(host, "features", lambda: frozenset(flags.split()))
    assert host.native() == wanted


def test_where_the_system_gives_no_tiles_there_is_no_amx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self: f"flags\t\t: {V4} avx512_vnni amx_tile amx_int8\n")
    for given in (False, True):
        monkeypatch.setattr(host, "gives_tiles", lambda given=given: given)
        assert ("amx_int8" in host.features.__wrapped__()) is given


def test_tiles_compute_the_bytes_of_the_interpreter(tmp_path: Path) -> None:
    if missing("avx512vnni"):
        pytest.skip("this machine has no AVX512-VNNI")
    graph = layer()
    emit(graph, tmp_path / "out", target="amx")
    artifact = Artifact(tmp_path / "out")
    if missing("amx"):
        artifact.flags = (*artifact.flags, f'-DLISSOM_AMX_EMULATION="{EMULATION}"')
    x = random_array("x", (1, 64, 14, 14), DType.uint8, 0, 256)
    assert artifact.run(x)[0].tobytes() == evaluate(graph, x)[0].tobytes()
