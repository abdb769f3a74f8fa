"""``lissom compare``: its figures beside onnxruntime, resumption, pipelines that fail, and the front of the plot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lissom.cli import comparison
from lissom.cli.pareto import front
from lissom.ir.types import Array
from tests.cli.conftest import Invoke

PIPELINES = ("fold, quantize(int8)", "prune(channels, 0.5)")


def arguments(model: Path, data: Path, out: Path, *pipelines: str) -> list[Any]:
    return ["compare", model, "--data", data, "-o", out, *(a for p in pipelines for a in ("--passes", p))]


def rows(out: Path) -> dict[str, dict[str, Any]]:
    return {r["passes"]: r for r in json.loads((out / "comparison.json").read_text())["rows"]}


def classes(path: Path, x: Array) -> Array:
    (y,) = onnxruntime.InferenceSession(path).run(None, {"x": x})
    found: Array = y.argmax(1)
    return found


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pipelines that are run."""
    begun: list[str] = []
    real = comparison.run_passes

    def counted(pipeline: str, *args: Any, **options: Any) -> Any:
        begun.append(pipeline)
        return real(pipeline, *args, **options)

    monkeypatch.setattr(comparison, "run_passes", counted)
    return begun


def test_figures(lissom: Invoke, model: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = lissom(*arguments(model, data, out, *PIPELINES))
    assert result.exit_code == 0, result.output
    found = rows(out)
    assert list(found) == ["fold", *PIPELINES]
    samples = np.load(data)
    for passes, row in found.items():
        (record,) = (p for p in out.glob("*.json") if json.loads(p.read_text()).get("passes") == passes)
        shown = [
            onnxruntime.InferenceSession(m).run(None, {"x": samples["x"]})[0]
            for m in (model, record.with_suffix(".onnx"))
        ]
        wanted, got = (y.argmax(1) for y in shown)
        assert row["top1"] == (got == samples["y"]).mean()
        assert row["agreement"] == (got == wanted).mean()
        assert row["ms"] > 0
        assert row["ms_onnxruntime"] > 0
        assert f"{row['bytes']:,}" in result.output
    assert found["fold, quantize(int8)"]["bytes"] < found["fold"]["bytes"]
    assert (out / "comparison.svg").read_text().count("<svg") == 1


def test_what_is_done_is_not_done_again(
    lissom: Invoke, model: Path, data: Path, tmp_path: Path, runs: list[str]
) -> None:
    out = tmp_path / "out"
    assert lissom(*arguments(model, data, out, "fold, prune(channels, 0.5)")).exit_code == 0
    first = rows(out)
    runs.clear()
    assert lissom(*arguments(model, data, out, "fold, prune(channels, 0.5)", "prune(channels, 0.25)")).exit_code == 0
    assert runs == ["prune(channels, 0.25)"]
    assert {p: r for p, r in rows(out).items() if p in first} == first
    runs.clear()
    assert lissom(*arguments(model, data, out, "fold, prune(channels, 0.5)"), "--seed", 1).exit_code == 0
    assert runs == ["fold", "fold, prune(channels, 0.5)"], "another seed is another measurement"
    np.savez(data, x=np.zeros((3, 1, 8, 8), np.float32))
    runs.clear()
    result = lissom(*arguments(model, data, out, "fold, prune(channels, 0.5)"))
    assert runs == ["fold", "fold, prune(channels, 0.5)"], "and so are other data"
    assert "agreement with the model on 3 samples" in result.output
    assert rows(out)["fold"]["top1"] is None


def test_a_pipeline_that_fails_says_why(
    lissom: Invoke, model: Path, data: Path, tmp_path: Path, runs: list[str]
) -> None:
    out, bad = tmp_path / "out", "quantize(int8), prune(channels, 0.5)"
    result = lissom(*arguments(model, data, out, bad, "mask(0.5)", "prune(channels, 0.5)"))
    assert result.exit_code == 0, result.output
    assert f"{bad} failed: prune cannot come after quantize" in result.output
    assert "put shrink at the end of the passes" in rows(out)["mask(0.5)"]["error"]
    assert rows(out)[bad]["error"].startswith("prune cannot come after")
    assert rows(out)["prune(channels, 0.5)"]["error"] is None
    runs.clear()
    result = lissom(*arguments(model, data, out, bad))
    assert runs == [bad], "what failed is tried again"
    assert result.exit_code == 1
    assert "no pipeline came to an end" in result.output


def test_a_bug_in_one_pipeline_leaves_the_others(
    lissom: Invoke, model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = comparison.run_passes

    def broken(pipeline: str, *args: Any, **options: Any) -> Any:
        if "0.25" in pipeline:
            raise ZeroDivisionError("by design")
        return real(pipeline, *args, **options)

    monkeypatch.setattr(comparison, "run_passes", broken)
    result = lissom(*arguments(model, data, tmp_path / "out", "prune(channels, 0.25)", "prune(channels, 0.5)"))
    assert "prune(channels, 0.25) failed: ZeroDivisionError: by design" in result.output
    assert rows(tmp_path / "out")["prune(channels, 0.5)"]["error"] is None


def test_what_cannot_be_read_is_refused_before_anything_runs(
    lissom: Invoke, model: Path, data: Path, tmp_path: Path, runs: list[str]
) -> None:
    result = lissom(*arguments(model, data, tmp_path / "out", "prune(channels, 0.5)", "mask(0.5"))
    assert result.exit_code == 1
    assert "^" in result.output
    assert not runs


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1))
def test_the_front_is_what_nothing_beats(points: list[tuple[int, int]]) -> None:
    def beaten(p: tuple[int, int]) -> bool:
        return any(q != p and q[0] <= p[0] and q[1] >= p[1] for q in points)

    assert front(points) == sorted(p for p in set(points) if not beaten(p))
