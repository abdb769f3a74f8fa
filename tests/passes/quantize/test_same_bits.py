"""One integer graph, three ways to run it: the interpreter, PyTorch and C give the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import lissom as ls
from lissom.ir.interpreter import evaluate
from lissom.passes.runner import run
from tests.passes.quantize.nets import attention, batches, chain, drawn, spatial

PIPELINES = ["quantize(int8)", "quantize(uint8)", "quantize(int8, weights=int4)", "quantize(int8, weights=int2)"]


@pytest.mark.parametrize("seed", range(8))
def test_random_networks(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    graph, shape = drawn(rng)
    data = batches(rng, *shape, count=1, size=6)
    quantized = run(PIPELINES[seed % len(PIPELINES)], graph, data=data)
    expected = evaluate(quantized, data[0])[0]
    in_torch = ls.to_torch(quantized)(torch.from_numpy(data[0]))
    np.testing.assert_array_equal(np.asarray(in_torch), expected)
    ls.emit(quantized, tmp_path / "out")
    got = np.concatenate([ls.Artifact(tmp_path / "out").run(x[None])[0] for x in data[0]])
    np.testing.assert_array_equal(got, expected)


def test_a_transformer_block_is_integer_only(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    graph, data = attention(rng), batches(rng, 6, 8)
    quantized = run("quantize(int8)", graph, data=data)
    assert {op.op_type for op in quantized.ops if op.type.dtype.is_float} == {"DequantizeLinear"}
    assert {"QLinearSoftmax", "QLinearLayerNormalization", "QLinearMatMul", "QLinearReduceMean", "Lookup"} <= {
        op.op_type for op in quantized.ops
    }
    exact, got = evaluate(graph, data[0])[0], evaluate(quantized, data[0])[0]
    assert np.square(exact - got).sum() < 0.01 * np.square(exact).sum()


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_upsampling_selecting_and_tables_by_channel_are_integer_only(dtype: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    graph, data = spatial(rng), batches(rng, 3, 5, 6)
    quantized = run(f"quantize({dtype})", graph, data=data)
    assert [op.op_type for op in quantized.ops if op.type.dtype.is_float] == ["DequantizeLinear"]
    kinds = {op.op_type for op in quantized.ops}
    assert {"QLinearConvTranspose", "QLinearResize", "LookupChannels", "Max", "Where", "ReduceMax"} <= kinds
    exact, got = evaluate(graph, data[0])[0], evaluate(quantized, data[0])[0]
    assert np.square(exact - got).sum() < 0.01 * np.square(exact).sum()
    in_torch = ls.to_torch(quantized)(torch.from_numpy(data[0]))
    np.testing.assert_array_equal(np.asarray(in_torch), got)
    ls.emit(quantized, tmp_path / "out")
    in_c = np.concatenate([ls.Artifact(tmp_path / "out").run(x[None])[0] for x in data[0]])
    np.testing.assert_array_equal(in_c, got)
    ls.save(quantized, tmp_path / "q.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "q.onnx", providers=["CPUExecutionProvider"])
    assert np.abs(session.run(None, {"x": data[0]})[0] - got).max() < 0.05 * np.abs(exact).max()


@pytest.mark.parametrize("weights", ["int8", "int4"])
def test_onnxruntime_runs_the_exported_model(weights: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    quantized = run(f"quantize(int8, weights={weights})", chain(rng), data=batches(rng, 3, 8, 8))
    ls.save(quantized, tmp_path / "q.onnx")
    x = batches(rng, 3, 8, 8)[0]
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(tmp_path / "q.onnx", options, providers=["CPUExecutionProvider"])
    expected, got = evaluate(quantized, x)[0], session.run(None, {"x": x})[0]
    step = np.abs(expected).max() / 127
    assert np.abs(got - expected).max() <= 2 * step
    assert (got == expected).mean() > 0.9
