"""The example networks in C compute what the interpreter computes; integer ones the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lissom.backends.c import Artifact, emit
from lissom.backends.c.toolchain import STANDARD, compile_c, need_compiler, sources
from lissom.ir.importers.onnx import load
from lissom.ir.interpreter import evaluate
from lissom.passes.runner import run

EXAMPLES = Path(__file__).parents[2] / "examples"
MODELS = sorted(f.stem for f in EXAMPLES.glob("*.onnx"))


@pytest.mark.parametrize("name", MODELS)
def test_float_example(name: str, tmp_path: Path) -> None:
    graph = load(EXAMPLES / f"{name}.onnx")
    emit(graph, tmp_path / "out")
    x = np.load(EXAMPLES / "data" / "fashion_mnist_test.npz")["x"][:20]
    got, want = Artifact(tmp_path / "out").run(x)[0], evaluate(graph, x)[0]
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4 * float(np.abs(want).max()))


@pytest.mark.parametrize("name", MODELS)
def test_int8_example_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    calibration = np.load(EXAMPLES / "data" / "fashion_mnist_calib.npz")["x"][:64]
    graph = run("fold, quantize(int8)", load(EXAMPLES / f"{name}.onnx"), data=[calibration])
    report = emit(graph, tmp_path / "out")
    x = np.load(EXAMPLES / "data" / "fashion_mnist_test.npz")["x"][:40]
    got, want = Artifact(tmp_path / "out").run(x)[0], evaluate(graph, x)[0]
    if all(layer["op"] in INTEGER for layer in report["layers"]):
        assert got.tobytes() == want.tobytes()
    else:  # float layers in between round in another order, which may move an 8-bit value by one
        assert (got.argmax(1) == want.argmax(1)).mean() > 0.9
    facts = report["artifact"]
    assert facts["arena_bytes"] <= 1.05 * facts["arena_lower_bound"]
    compile_c(
        [need_compiler()],
        [
            *STANDARD,
            "-Werror",
            "-O1",
            "-c",
            "-fsyntax-only",
            "-I",
            tmp_path / "out",
            *sources(tmp_path / "out", "model"),
        ],
    )


INTEGER = {
    *("QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearGemm", "QLinearMatMul", "QLinearAdd", "QLinearMul"),
    *("QLinearAveragePool", "QLinearGlobalAveragePool", "Lookup", "MaxPool", "Flatten", "Reshape", "Transpose"),
    *("Concat", "Slice", "Split", "Squeeze", "Unsqueeze", "Identity", "Pad", "Gather", "Max", "Clip", "Relu"),
}
"""Ops with an exact meaning on 8-bit tensors."""


@pytest.mark.parametrize("name", ["resnet8"])
def test_int8_edges_can_be_left_to_the_caller(name: str, tmp_path: Path) -> None:
    calibration = np.load(EXAMPLES / "data" / "fashion_mnist_calib.npz")["x"][:64]
    graph = run("fold, quantize(int8)", load(EXAMPLES / f"{name}.onnx"), data=[calibration])
    report = emit(graph, tmp_path / "out", io="int8")
    port, out = report["inputs"][0], report["outputs"][0]
    assert (port["dtype"], out["dtype"]) == ("int8", "int8")
    x = np.load(EXAMPLES / "data" / "fashion_mnist_test.npz")["x"][:10]
    scale, zero = np.float32(port["quantization"]["scale"]), port["quantization"]["zero_point"]
    quantized = np.clip(np.rint(x / scale) + np.float32(zero), -128, 127).astype(np.int8)
    (got,) = Artifact(tmp_path / "out").run(quantized)
    real = (got.astype(np.float32) - np.float32(out["quantization"]["zero_point"])) * np.float32(
        out["quantization"]["scale"]
    )
    assert real.tobytes() == evaluate(graph, x)[0].tobytes()
