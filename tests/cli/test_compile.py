"""``lissom compile``, ``run`` and ``verify``: from file to C and back to the source model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

import lissom as ls
from tests.cli.conftest import Invoke, network

pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on the path")

INT8 = "fold, quantize(int8)"


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def without_times(artifact: dict[str, bytes]) -> dict[str, bytes]:
    """The files with the seconds that passes took left out."""
    report = json.loads(artifact["report.json"])
    for row in report["passes"]:
        assert row.pop("seconds") >= 0
    kept = {k: v for k, v in artifact.items() if not k.startswith("report.")}
    return {**kept, "report": json.dumps(report).encode()}


def test_float(lissom: Invoke, model: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = lissom("compile", model, "-o", out)
    assert result.exit_code == 0, result.output
    assert result.stdout.rstrip().endswith(f"wrote {out}")
    report = json.loads((out / "report.json").read_text())
    assert report["schema_version"] == 1
    assert [row["name"] for row in report["passes"]] == ["fold"]
    assert {"arena_bytes", "arena_lower_bound", "weight_bytes", "code_bytes", "stack_bytes"} <= report[
        "artifact"
    ].keys()
    assert all({"name", "op", "kernel", "macs", "bytes"} <= layer.keys() for layer in report["layers"])
    assert "accuracy" not in report
    assert {"model.c", "model.h", "model_test.c", "CMakeLists.txt"} <= {p.name for p in out.iterdir()}

    x = np.load(data)["x"]
    np.save(tmp_path / "x.npy", x)
    ran = lissom("run", out, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy")
    assert ran.exit_code == 0, ran.output
    (expected,) = ls.evaluate(ls.load(model), x)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, rtol=1e-5, atol=1e-5)

    verified = lissom("verify", out, "--data", data, "--json", tmp_path / "figures.json")
    assert verified.exit_code == 0, verified.output
    assert "12 samples" in verified.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    y = np.load(data)["y"]
    assert figures["samples"] == 12
    assert figures["agreement"] == 1
    assert figures["source_top1"] == (expected.argmax(1) == y).mean()
    assert figures["top1"] == figures["source_top1"]
    assert 0 <= figures["max_difference"] <= 1e-4 * figures["max_value"]


def test_int8_is_the_integer_graph(lissom: Invoke, model: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = lissom("compile", model, "-o", out, "--passes", INT8, "--data", data, "--name", "tiny_net")
    assert result.exit_code == 0, result.output
    graph = ls.run(INT8, ls.load(model), data=str(data))
    x, y = (np.load(data)[k] for k in "xy")
    (expected,) = ls.evaluate(graph, x)
    np.savez(tmp_path / "in.npz", x=x)
    ran = lissom("run", out, "--input", tmp_path / "in.npz", "--output", tmp_path / "y.npz")
    assert ran.exit_code == 0, ran.output
    got = np.load(tmp_path / "y.npz")["y"]
    assert got.tobytes() == expected.tobytes()
    accuracy = json.loads((out / "report.json").read_text())["accuracy"]
    assert accuracy["samples"] == 12
    assert accuracy["top1"] == (expected.argmax(1) == y).mean()
    assert (out / "tiny_net.h").exists()


def test_int8_edges(lissom: Invoke, model: Path, data: Path, tmp_path: Path) -> None:
    """With --io int8 the artifact takes and gives bytes; verify converts, and finds the same as with float edges."""
    figures = {}
    for io in ("float", "int8"):
        out = tmp_path / io
        made = lissom("compile", model, "-o", out, "--passes", INT8, "--data", data, "--io", io)
        assert made.exit_code == 0, made.output
        verified = lissom("verify", out, "--data", data, "--json", tmp_path / "f.json")
        assert verified.exit_code == 0, verified.output
        figures[io] = json.loads((tmp_path / "f.json").read_text())
    port = json.loads((tmp_path / "int8" / "report.json").read_text())["inputs"][0]
    assert port["dtype"] == "int8"
    assert port["quantization"]["scale"] > 0
    assert figures["int8"]["agreement"] == figures["float"]["agreement"]
    assert figures["int8"]["max_difference"] == pytest.approx(figures["float"]["max_difference"], rel=1e-5)


def test_same_input_same_bytes(lissom: Invoke, model: Path, data: Path, tmp_path: Path) -> None:
    for name in ("a", "deeper/b"):
        assert lissom("compile", model, "-o", tmp_path / name, "--passes", INT8, "--data", data).exit_code == 0
    assert without_times(files(tmp_path / "a")) == without_times(files(tmp_path / "deeper" / "b"))
    everything = b"".join(files(tmp_path / "a").values())
    assert str(tmp_path).encode() not in everything


def test_a_batch_and_a_fixed_shape(lissom: Invoke, model: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert lissom("compile", model, "-o", out, "--shape", "x=4x1x8x8").exit_code == 0
    np.save(tmp_path / "x.npy", np.load(data)["x"][:4])
    assert lissom("run", out, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy").exit_code == 0
    assert np.load(tmp_path / "y.npy").shape == (4, 3)
    verified = lissom("verify", out, "--data", data)
    assert verified.exit_code == 0, verified.output
    assert "12 samples" in verified.output


def test_weights_beside_the_model(lissom: Invoke, data: Path, tmp_path: Path) -> None:
    """The artifact keeps its source whole, so that it can be verified anywhere."""
    folder = tmp_path / "model"
    folder.mkdir()
    onnx.save(network(), folder / "net.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert lissom("compile", folder / "net.onnx", "-o", tmp_path / "out").exit_code == 0
    shutil.rmtree(folder)
    assert lissom("verify", tmp_path / "out", "--data", data).exit_code == 0


def test_an_artifact_is_replaced_and_other_folders_are_not(lissom: Invoke, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert lissom("compile", model, "-o", out, "--name", "first").exit_code == 0
    assert lissom("compile", model, "-o", out, "--name", "second").exit_code == 0
    assert not (out / "first.c").exists()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("years of work")
    result = lissom("compile", model, "-o", precious)
    assert result.exit_code == 1
    assert "not an artifact of lissom" in result.stderr
    assert (precious / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((1, 1, 8, 9), np.float32), r"input 'x' has shape [1, 1, 8, 8]"),
        (np.zeros((1, 1, 8, 8), np.float64), "input 'x' is float32, got float64"),
    ],
    ids=["shape", "dtype"],
)
def test_run_refuses_other_arrays(lissom: Invoke, model: Path, tmp_path: Path, array: np.ndarray, message: str) -> None:
    out = tmp_path / "out"
    assert lissom("compile", model, "-o", out).exit_code == 0
    np.save(tmp_path / "x.npy", array)
    result = lissom("run", out, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy")
    assert result.exit_code == 1
    assert message in result.stderr
    assert not (tmp_path / "y.npy").exists()


def test_run_and_verify_need_an_artifact(lissom: Invoke, data: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.load(data)["x"])
    for arguments in (
        ["run", tmp_path, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy"],
        ["verify", tmp_path, "--data", data],
    ):
        result = lissom(*arguments)
        assert result.exit_code == 1
        assert "is not an artifact" in result.stderr
