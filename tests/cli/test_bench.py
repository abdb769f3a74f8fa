"""``lissom bench``: an artifact beside onnxruntime, and what keeps the comparison honest."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from lissom.bench.race import Entrant, Lane, compare, race
from lissom.ir.errors import DataError
from tests.cli.conftest import Invoke

pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on the path")


def test_model(lissom: Invoke, model: Path, data: Path, tmp_path: Path) -> None:
    figures, picture = tmp_path / "bench.json", tmp_path / "bench.svg"
    result = lissom(
        *("bench", model, "--passes", "fold, quantize(int8)", "--data", data, "--against", "onnxruntime"),
        *("--rounds", 2, "--layers", "--json", figures, "--plot", picture),
    )
    assert result.exit_code == 0, result.output
    found = json.loads(figures.read_text())
    lanes = {lane["label"]: lane for lane in found["lanes"]}
    assert not [lane for lane in lanes.values() if "why" in lane], found
    assert {"lissom", "lissom again", "onnxruntime float", "onnxruntime int8 (exported)"} <= lanes.keys()
    assert all(0 < lane["min"] <= lane["median"] and lane["runs"] >= 2 for lane in lanes.values())
    assert lanes["onnxruntime float"]["sqnr_db"] > 100
    # int8 on two engines: the same network, as far from float as 8 bits are
    assert lanes["lissom"]["sqnr_db"] == pytest.approx(lanes["onnxruntime int8 (exported)"]["sqnr_db"], abs=3)
    assert 20 < lanes["lissom"]["sqnr_db"] < 70
    assert found["best_peer"].startswith("onnxruntime")
    best = lanes[found["best_peer"]]
    assert found["ratio"] == pytest.approx(lanes["lissom"]["median"] / best["median"])
    assert all(label in result.stdout and label in picture.read_text() for label in lanes)
    conv = next(x for x in found["layers"] if x["op"] == "QLinearConv")
    assert conv["macs"] == 4 * 9 * 64
    assert conv["seconds"] > 0
    assert sum(x["seconds"] for x in found["layers"]) < 10 * lanes["lissom"]["median"]


def test_artifact_and_missing_peer(
    lissom: Invoke, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An artifact that is there; an engine that is not is named with what installs it."""
    from lissom.bench import peers

    monkeypatch.setattr(peers, "_versions", lambda python: {"onnxruntime": "1"})
    assert lissom("compile", model, "-o", tmp_path / "out").exit_code == 0
    result = lissom("bench", tmp_path / "out", "--against", "onnxruntime,ncnn", "--rounds", 1, "--cpu-time")
    assert result.exit_code == 0, result.output
    assert "ncnn is not installed; pip install ncnn pnnx" in result.stdout
    assert "onnxruntime float" in result.stdout
    assert "int8" not in result.stdout


def test_artifact_that_does_not_run(lissom: Invoke, model: Path, tmp_path: Path) -> None:
    """Others are timed all the same, but a race without the artifact has failed."""
    out = tmp_path / "out"
    assert lissom("compile", model, "-o", out).exit_code == 0
    (out / "model.c").write_text("#error damaged\n")
    result = lissom("bench", out, "--against", "onnxruntime", "--rounds", 1, "--cpu-time")
    assert result.exit_code == 1
    assert "onnxruntime float" in result.stdout
    assert "lissom did not run" in result.stdout
    assert "the artifact did not run" in result.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--against", "tvm"), "no peer is called 'tvm'; there are: onnxruntime"),
        (("--isa", "avx9"), "'avx9' is not one of"),
        (("--threads", "1,0"), "'1,0' is no number of threads"),
        (("--peer-python", "no/such/python"), "--peer-python no/such/python is not a program"),
    ],
)
def test_wrong_options(lissom: Invoke, model: Path, arguments: tuple[str, ...], told: str) -> None:
    result = lissom("bench", model, *arguments)
    assert result.exit_code in (1, 2)
    assert told in result.output


def test_who_computes_something_else_is_out(tmp_path: Path, model: Path) -> None:
    """An engine whose outputs have another size, and one that dies, are not timed."""
    x = np.zeros((1, 1, 8, 8), np.float32)
    wrong, (shown,) = (
        race([Entrant("a", "onnxruntime", "float", model)], [{"x": x}], [[np.zeros((1, 7))]], rounds=1),
        ["computes outputs of shape [[1, 3]] where [[1, 7]] is right"],
    )
    assert (wrong[0].why, wrong[0].seconds) == (shown, [])
    (dead,) = race([Entrant("b", "onnxruntime", "float", tmp_path / "none.onnx")], [{"x": x}], [[x]], rounds=1)
    assert "none.onnx" in dead.why
    (killed,) = race([Entrant("c", "onnxruntime", "float", model, python="/bin/false")], [{"x": x}], [[x]], rounds=1)
    assert "c died: exit status 1" in killed.why


def test_comparison() -> None:
    a = [[np.array([[1.0, 2.0]]), np.array([3.0])]]
    sqnr, agreement = compare([[np.array([[1.0, 2.1]]), np.array([3.0])]], a)
    assert sqnr == pytest.approx(10 * np.log10(14 / 0.01))
    assert agreement == 1
    assert compare([[np.array([[2.1, 2.0]]), np.array([3.0])]], a)[1] == 0
    assert compare([[np.array([[np.nan, 2.0]]), np.array([3.0])]], a)[0] == -np.inf
    with pytest.raises(DataError, match="outputs of shape"):
        compare([[np.zeros((1, 3)), np.array([3.0])]], a)


def test_statistics() -> None:
    lane = Lane(Entrant("a", "onnxruntime", "float", Path(), python=sys.executable), [4.0, 1.0, 2.0, 3.0, 5.0])
    assert (lane.median, lane.least) == (3.0, 1.0)
    assert lane.spread == pytest.approx(1.0)  # quartiles 1.5 and 4.5
