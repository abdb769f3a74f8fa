"""``--target x86-64``: one artifact for several instruction sets, the same bytes on each."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

import lissom as ls
from lissom.backends.c import Artifact, emit
from lissom.backends.c.host import missing
from lissom.backends.c.toolchain import STANDARD, sources
from lissom.ir.graph import Graph
from lissom.kernels.table import SEVERAL
from tests.artifacts.test_emit import COMPILERS

pytestmark = pytest.mark.skipif(bool(missing("x86-64-v2")), reason="this machine is no x86-64")


@pytest.fixture(scope="module")
def fat(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, np.ndarray]:
    """A quantized network for every x86-64, an input, and what the graph computes."""
    from tests.artifacts.conftest import small_net

    draws = [np.random.default_rng(i).normal(size=(1, 3, 10, 9)).astype(np.float32) for i in range(4)]
    graph: Graph = ls.run("fold, quantize(int8)", small_net(), data=draws, check=False)
    out = tmp_path_factory.mktemp("fat") / "out"
    report = emit(graph, out, target="x86-64")
    assert report["artifact"]["levels"] == list(SEVERAL["x86-64"])
    return out, draws[0], ls.evaluate(graph, draws[0])[0]


def test_every_level_computes_the_same(fat: tuple[Path, np.ndarray, np.ndarray]) -> None:
    out, x, expected = fat
    artifact = Artifact(out)
    np.testing.assert_allclose(artifact.run(x)[0], expected, atol=1e-6)
    library = ctypes.CDLL(str(artifact.build()))
    for target in SEVERAL["x86-64"]:
        if missing(target) == []:
            arguments, found = artifact.bind([x])
            assert getattr(library, f"model_{target.replace('-', '_')}_run")(*arguments) == 0
            np.testing.assert_allclose(found[0], expected, atol=1e-6)


def test_its_self_test_passes_without_warnings_and_with_fewer_levels(
    fat: tuple[Path, np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    out, *_ = fat
    units = [*sources(out, "model"), out / "model_test.c"]
    flags = [*STANDARD, "-Werror", "-O0", "-DMODEL_SKIP_LEVELS=1", "-I", out]
    built = subprocess.run(
        [COMPILERS[-1], *map(str, [*flags, *units, "-o", tmp_path / "t", "-lm"])], capture_output=True
    )
    assert built.returncode == 0, built.stderr.decode()[:3000]
    done = subprocess.run([str(tmp_path / "t")], capture_output=True, text=True)
    assert done.stdout == "model: ok\n"
