"""How much code an artifact has: kernels that serve all layers are fewer than one for each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import lissom as ls
from lissom.backends.c import Artifact, emit
from lissom.backends.c.emulation.machines import lacking_for
from lissom.backends.c.host import missing
from tests.artifacts.conftest import EXAMPLES

pytestmark = pytest.mark.skipif(bool(missing("x86-64-v2")), reason="this machine is no x86-64")


@pytest.fixture(scope="module")
def dscnn() -> tuple[ls.Graph, np.ndarray]:
    """Layers of each kind that a MobileNet has: a first one, depthwise and pointwise ones, a mean, a classifier."""
    with np.load(EXAMPLES / "data" / "fashion_mnist_calib.npz") as calib:
        x = calib["x"][:32]
    return ls.run("fold, quantize(int8)", ls.load(EXAMPLES / "dscnn.onnx"), data=[x]), x[:1]


@pytest.mark.parametrize("target", ["amx", "avx512vnni", "x86-64-v3"])
def test_small_code_is_small_and_computes_the_same(
    dscnn: tuple[ls.Graph, np.ndarray], target: str, tmp_path: Path
) -> None:
    graph, x = dscnn
    fast = emit(graph, tmp_path / "fast", target=target)["artifact"]
    small = emit(graph, tmp_path / "small", target=target, optimize="size")["artifact"]
    kernels = [{k: n for k, n in found["code"].items() if k.startswith("lissom_")} for found in (fast, small)]
    assert sum(kernels[1].values()) < 45_000  # a MobileNetV2 has the same kernels, and 14 KB of calls and parameters
    assert len(kernels[1]) <= len(kernels[0])
    if not missing(target):
        expected = ls.evaluate(graph, x)[0]
        np.testing.assert_allclose(Artifact(tmp_path / "small").run(x)[0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "shape", "target"),
    [(nn.Linear(640, 32), (1, 640), "aarch64"), (nn.Conv2d(1024, 64, 1), (1, 1024, 8, 8), "x86-64-v3")],
    ids=["row", "image"],
)
def test_sparse_layers_keep_what_their_memory_is_laid_out_for(
    layer: nn.Module, shape: tuple[int, ...], target: str, tmp_path: Path
) -> None:
    """Weights are packed, and scratch memory counted, for so many vectors at once as suit a layer."""
    if lacks := lacking_for(target) if target == "aarch64" else missing(target):
        pytest.skip(f"to run {target} here, what is missing is {lacks}")
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    graph = ls.from_torch(layer.eval(), (torch.from_numpy(x),))
    graph = ls.run("sparsify(0.9, block='1x4'), quantize(int8), store_sparse", graph, data=[x], check=False)
    code = emit(graph, tmp_path / "out", target=target, optimize="size")["artifact"]["code"]
    assert any("sparse" in unit for unit in code)
    np.testing.assert_allclose(Artifact(tmp_path / "out").run(x)[0], ls.evaluate(graph, x)[0], atol=1e-6)
