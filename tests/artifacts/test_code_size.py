"""How much code an artifact has: kernels that serve all layers are fewer than one for each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lissom as ls
from lissom.backends.c import Artifact, emit
from lissom.backends.c.host import missing
from tests.artifacts.conftest import EXAMPLES

pytestmark = pytest.mark.skipif(bool(missing("x86-64-v2")), reason="this machine is no x86-64")


@pytest.fixture(scope="module")
def dscnn() -> tuple[ls.Graph, np.ndarray]:
    """Layers of each kind that a MobileNet has: a first one, depthwise and pointwise ones, a mean, a classifier."""
    with np.load(EXAMPLES / "data" / "fashion_mnist_calib.npz") as calib:
        x = calib["x"][:32]
    return ls.run("fold, quantize(int8)", ls.load(EXAMPLES / "dscnn.onnx"), data=[x]), x[:1]


@pytest.mark.parametrize("target", ["avx512vnni", "x86-64-v3"])
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
