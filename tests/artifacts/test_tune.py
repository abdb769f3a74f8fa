"""Tuning: what is measured is kept, found again, and changes no result."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lissom.backends.c import Artifact, emit
from lissom.backends.c import tune as tuning
from lissom.backends.c.host import native
from lissom.backends.c.times import Times, job
from lissom.backends.c.tune import tune
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.ops.conv import Conv
from lissom.ir.samples import weight
from lissom.ir.types import tensor
from lissom.kernels.table import TARGETS

NATIVE = native()


@pytest.fixture
def net() -> Graph:
    graph = Graph("two")
    x = graph.input("x", tensor("float32", 1, 8, 6, 6))
    a = Conv(x, weight("w0", 16, 8, 1, 1), weight("b0", 16))
    graph.set_outputs({"y": Conv(a, weight("w1", 4, 16, 3, 3))})
    return graph


@pytest.fixture(autouse=True)
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache for this test alone, and few kernels to compile."""
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("lissom.backends.c.times.SHORTLIST", 2)


def test_a_tuned_artifact_computes_the_same(net: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    tuned = tune(net, NATIVE, seconds=0.01, progress=lambda done, total: seen.append((done, total)))
    assert seen[0][0] == 0
    assert seen[-1][0] == seen[-1][1] > 0
    report = emit(net, tmp_path / "tuned", target=NATIVE, tuned=tuned)
    emit(net, tmp_path / "plain", target=NATIVE)
    x = np.random.default_rng(0).normal(size=(1, 8, 6, 6)).astype(np.float32)
    for a, b in zip(Artifact(tmp_path / "tuned").run(x), Artifact(tmp_path / "plain").run(x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert all(layer["measured_us"] > 0 and layer["estimated_cycles"] > 0 for layer in report["layers"])
    monkeypatch.setattr(tuning, "_measure", None)  # what was measured is not measured again
    tune(net, NATIVE)


def test_a_run_that_is_stopped_goes_on(net: Graph) -> None:
    if not any("-v" in level or "vnni" in level for level in TARGETS[NATIVE]):
        pytest.skip("this machine's target has one kernel a task")

    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(net, NATIVE, seconds=0.01, progress=stop)
    counts: list[tuple[int, int]] = []
    kept = {name: len(found) for name, found in json.loads(Times().path.read_text())["seconds"].items()}
    tune(net, NATIVE, seconds=0.01, progress=lambda *count: counts.append(count))
    again = json.loads(Times().path.read_text())["seconds"]
    assert sum(map(len, again.values())) == sum(kept.values()) + counts[-1][0]
    assert set(kept.values()) == {1}
    assert 0 < counts[-1][0] < sum(kept.values()) + counts[-1][0]


def test_times_belong_to_sizes_not_to_scales() -> None:
    a = {"conv": {"in": (1, 4, 4), "low": -1.0}, "x": {"zero": 3, "flip": 0}}
    b = {"conv": {"in": (1, 4, 4), "low": 0.0}, "x": {"zero": 7, "flip": 0}}
    c = {"conv": {"in": (1, 4, 5), "low": 0.0}, "x": {"zero": 7, "flip": 0}}
    assert job("conv_q8", a) == job("conv_q8", b) != job("conv_q8", c)


def test_a_damaged_file_of_times_is_as_none(tmp_path: Path) -> None:
    times = Times()
    times.path.parent.mkdir()
    times.path.write_text("{")
    times.save()
    assert json.loads(times.path.read_text())["seconds"] == {}


def test_a_target_that_cannot_run_here_is_refused(net: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "missing", lambda target: ["amx_tile"])
    with pytest.raises(Error, match=r"needs a machine that runs it; this one lacks amx_tile"):
        tune(net, "amx")


def test_size_and_tuning_exclude_each_other(net: Graph, tmp_path: Path) -> None:
    with pytest.raises(Error, match="either by time"):
        emit(net, tmp_path / "out", optimize="size", tuned=tune(net, "portable", seconds=0.01))
