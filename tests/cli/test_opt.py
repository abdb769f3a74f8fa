"""``lissom opt``, ``show`` and ``explain`` on good input."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from examples import networks
from tests.cli.conftest import Invoke


def outputs(path: Path, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(None, {"x": x})[0]
    return found


def test_without_passes_the_model_stays(lissom: Invoke, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.onnx"
    result = lissom("opt", model, "-o", out)
    assert result.exit_code == 0, result.output
    assert onnx.load(out).graph == onnx.load(model).graph
    assert f"wrote {out}" in result.output


def test_passes_run_and_are_reported(lissom: Invoke, model: Path, data: Path, tmp_path: Path) -> None:
    out, figures = tmp_path / "out.onnx", tmp_path / "figures.json"
    result = lissom("opt", model, "-o", out, "--passes", "fold", "--data", data, "--json", figures)
    assert result.exit_code == 0, result.output
    assert "BatchNormalization" not in [n.op_type for n in onnx.load(out).graph.node]
    x = np.load(data)["x"]
    np.testing.assert_allclose(outputs(out, x), outputs(model, x), rtol=1e-4, atol=1e-5)
    (row,) = json.loads(figures.read_text())["passes"]
    assert row["name"] == "fold"
    assert row["nodes"] == {"before": 6, "after": len(onnx.load(out).graph.node)}
    assert row["check"].startswith("equal")
    table = result.output.splitlines()
    assert table[0].split()[0] == "pass"
    assert table[1].split()[0] == "fold"


def test_shape_puts_sizes_in(lissom: Invoke, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.onnx"
    assert lissom("opt", model, "-o", out, "--shape", "x=5x1x8x8").exit_code == 0
    dims = onnx.load(out).graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_value for d in dims] == [5, 1, 8, 8]


def test_show_a_model(lissom: Invoke, model: Path) -> None:
    result = lissom("show", model)
    assert result.exit_code == 0
    assert "input  x: float32[N,1,8,8]" in result.output
    conv = next(line for line in result.output.splitlines() if " Conv " in line)
    assert conv.split()[1:] == ["Conv", "float32[N,4,8,8]", "36", "2,304"]


def test_show_the_text_of_a_model(lissom: Invoke, model: Path) -> None:
    result = lissom("show", model, "--text", "--shape", "x=2x1x8x8")
    assert result.exit_code == 0
    assert result.output.startswith("graph 'net' stage=imported {\n  input %x: float32[2,1,8,8]\n")


@pytest.mark.parametrize(
    ("what", "lines"),
    [
        ("passes", ["fold", "quantize", "    exact: "]),
        ("ops", ["Conv ", "lissom.FakeQuant ", "Relu "]),
        ("targets", ["portable "]),
    ],
)
def test_show_what_there_is(lissom: Invoke, what: str, lines: list[str]) -> None:
    result = lissom("show", what)
    assert result.exit_code == 0
    for start in lines:
        assert any(line.startswith(start) for line in result.output.splitlines()), start


def test_explain_says_what_was_done(lissom: Invoke, model: Path) -> None:
    result = lissom("explain", model, "--passes", "fold")
    assert result.exit_code == 0
    assert result.output.startswith("fold: ")
    assert "bn" in result.output


def test_explain_counts_what_is_alike_and_sets_tables_in_columns(lissom: Invoke) -> None:
    data = str(networks.FOLDER / "data" / "fashion_mnist_calib.npz")
    model = str(networks.FOLDER / "lenet5.onnx")
    result = lissom("explain", model, "--passes", "quantize(int8, exclude=[last])", "--data", data)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    counted = next(line for line in lines if "split_fake_quant" in line)
    assert re.fullmatch(r"  done  split_fake_quant: \d+ ops", counted)
    head = next(line for line in lines if line.split()[:3] == ["layer", "op", "weights_db"])
    row = lines[lines.index(head) + 2]
    assert row[head.index("op") :].startswith("Conv ")
    assert any(line.split()[-3:] == ["it", "is", "excluded"] for line in lines)
