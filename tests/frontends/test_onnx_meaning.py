"""What was read means what onnxruntime says it means: whole networks, and the forms of older opsets one by one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper as h
from onnx import numpy_helper

sys.path.insert(0, str(Path(__file__).parent))
from onnx_models import BUILDERS, SHARED_MODELS, WHY_SKIPPED, array, info, model

from lissom.backends.onnx import to_proto
from lissom.ir.graph import Graph
from lissom.ir.importers.onnx import load
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.opaque import Opaque
from lissom.ir.values import Const


def session(proto: onnx.ModelProto | Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    source = str(proto) if isinstance(proto, Path) else proto.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def random_inputs(graph: Graph, unknown: int = 1) -> list[Any]:
    """An array for each input; the first axis is the batch where its size is not known."""
    rng = np.random.default_rng(7)
    arrays = []
    for i in graph.inputs:
        sizes = [d if isinstance(d, int) else (1 if axis == 0 else unknown) for axis, d in enumerate(i.type.dims)]
        arrays.append(rng.standard_normal(sizes).astype(i.type.dtype.numpy))
    return arrays


def check_same(graph: Graph, runner: onnxruntime.InferenceSession, inputs: list[Any], rtol: float = 1e-4) -> None:
    expected = runner.run(list(graph.output_names), {i.name: a for i, a in zip(graph.inputs, inputs, strict=True)})
    found = evaluate(graph, *inputs)
    for name, a, b in zip(graph.output_names, found, expected, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape), name
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-5 + rtol * np.abs(b).max(initial=0), err_msg=name)


def without_records(graph: Graph) -> Graph:
    """A copy that has forgotten the file: everything is written from the fields of its ops."""
    copy = graph.clone()
    copy.origin = None
    for v in (*copy.inputs, *copy.consts, *copy.ops):
        v.origin = None
    return copy


@pytest.mark.skipif(not SHARED_MODELS, reason=WHY_SKIPPED)
@pytest.mark.parametrize("path", SHARED_MODELS, ids=lambda p: p.stem)
def test_real(path: Path) -> None:
    graph = load(path)
    opaque = {op.kind for op in graph.ops if isinstance(op, Opaque)}
    assert opaque <= {"LSTM"}, "an LSTM over a free number of steps"
    inputs = random_inputs(graph, 64)
    if opaque:
        onnx.checker.check_model(to_proto(graph))
        return
    rounding = 1e-2 if "qdq" in path.name else 1e-4  # a sum near a tie falls on either side: one step of the output
    check_same(graph, session(path), inputs, rounding)
    check_same(graph, session(to_proto(without_records(graph))), inputs, rounding)


def node(
    kind: str, *shapes: tuple[int, ...], opset: int, given: dict[int, Any] | None = None, **attributes: Any
) -> Any:
    """A model of one node; ``given`` are inputs that are constants, by position."""
    given = {i: np.asarray(v) for i, v in (given or {}).items()}
    count = len(shapes) + len(given)
    names = [f"i{k}" for k in range(count)]
    initializers = [numpy_helper.from_array(v, names[i]) for i, v in given.items()]
    free = [n for k, n in enumerate(names) if k not in given]
    outputs = ["a", "b"] if kind in ("Split", "TopK") else ["a"]
    inputs = [info(n, *s) for n, s in zip(free, shapes, strict=True)]
    made = h.make_node(kind, names, outputs, name="node", **attributes)
    result = model([made], inputs, [onnx.ValueInfoProto(name=o) for o in outputs], initializers, opset)
    inferred = onnx.shape_inference.infer_shapes(result)
    del result.graph.output[:]
    result.graph.output.extend(inferred.graph.output)
    return result


F, L = np.float32, np.int64
OLD = {
    "softmax flattens": node("Softmax", (2, 3, 4), opset=11),
    "softmax at 0": node("Softmax", (2, 3, 4), opset=9, axis=0),
    "softmax at the end": node("Softmax", (2, 3, 4), opset=12, axis=2),
    "softmax at -2": node("Softmax", (2, 3, 4), opset=12, axis=-2),
    "log softmax": node("LogSoftmax", (2, 3, 4), opset=11),
    "hardmax": node("Hardmax", (2, 3, 4), opset=11),
    "clip both": node("Clip", (5, 4), opset=7, min=-0.5, max=0.25),
    "clip low": node("Clip", (5, 4), opset=10, min=-0.5),
    "clip neither": node("Clip", (5, 4), opset=9),
    "squeeze": node("Squeeze", (1, 3, 1), opset=11, axes=[2]),
    "squeeze all": node("Squeeze", (1, 3, 1), opset=11),
    "unsqueeze": node("Unsqueeze", (3, 2), opset=8, axes=[0, 2]),
    "slice without axes": node("Slice", (4, 5), opset=9, starts=[1, 2], ends=[3, 9]),
    "slice": node("Slice", (4, 5), opset=7, starts=[-3], ends=[-1], axes=[1]),
    "pad value": node("Pad", (2, 3), opset=10, pads=[1, 0, 0, 2], value=1.5),
    "pad edge": node("Pad", (2, 3), opset=9, pads=[1, 0, 0, 2], mode="edge"),
    "split evenly": node("Split", (4, 6), opset=11, axis=1),
    "split sizes": node("Split", (4, 6), opset=11, axis=1, split=[1, 5]),
    "split evenly 13": node("Split", (4, 6), opset=13, axis=0),
    "top k of 7": node("TopK", (3, 8), opset=9, k=3, axis=1),
    "top k of 10": node("TopK", (3, 8), opset=10, given={1: L([2])}),
    "reduce sum": node("ReduceSum", (2, 3, 4), opset=11, axes=[0, -1], keepdims=0),
    "reduce max of 12": node("ReduceMax", (2, 3, 4), opset=12, axes=[1]),
    "reduce mean of all": node("ReduceMean", (2, 3, 4), opset=9, keepdims=0),
    "upsample nearest": node("Upsample", (1, 2, 3, 4), opset=9, given={1: F([1, 1, 2, 3])}),
    "upsample linear": node("Upsample", (1, 2, 3, 4), opset=9, given={1: F([1, 1, 2, 2])}, mode="linear"),
    "upsample of 7": node("Upsample", (1, 2, 3, 4), opset=7, scales=[1.0, 1.0, 2.0, 2.0], mode="nearest"),
    "resize of 10": node("Resize", (1, 2, 3, 4), opset=10, given={1: F([1, 1, 2.5, 1.5])}),
    "resize linear of 10": node("Resize", (1, 2, 4, 4), opset=10, given={1: F([1, 1, 0.6, 2])}, mode="linear"),
    "resize of 11": node("Resize", (1, 2, 3, 4), opset=11, given={1: F([]), 2: F([1, 1, 2, 2])}, mode="cubic"),
    "resize to sizes of 11": node(
        "Resize", (1, 2, 3, 4), opset=11, given={1: F([]), 2: F([]), 3: L([1, 2, 5, 7])}, mode="linear"
    ),
    "scatter": node("Scatter", (3, 3), opset=9, given={1: L([[0, 2]]), 2: F([[1, 2]])}),
    "dropout": node("Dropout", (3, 3), opset=10, ratio=0.9),
    "batch normalization": node(
        "BatchNormalization", (2, 3, 4), (3,), (3,), (3,), opset=9, given={4: F([1, 2, 3])}, epsilon=1e-3
    ),
    "batch normalization of 7": node("BatchNormalization", (2, 2, 4), (2,), (2,), (2,), opset=7, given={4: F([1, 2])}),
    "group normalization": node("GroupNormalization", (2, 6, 5), (3,), (3,), opset=18, num_groups=3),
    "cast": node("Cast", (4,), opset=8, to=onnx.TensorProto.INT32),
    "gemm": node("Gemm", (2, 3), (3, 4), (4,), opset=7, alpha=0.5, transA=0),
    "average pool": node("AveragePool", (1, 2, 6, 6), opset=7, kernel_shape=[3, 3], auto_pad="SAME_UPPER"),
    "constant of shape": node("ConstantOfShape", opset=9, given={0: L([2, 3])}),
    "arg max": node("ArgMax", (3, 4), opset=11, axis=1),
    "prelu": node("PRelu", (2, 3, 4), opset=7, given={1: F([[0.1], [0.2], [0.3]])}),
    "flatten": node("Flatten", (2, 3, 4), opset=9, axis=2),
    "gather": node("Gather", (4, 3), opset=9, given={1: L([[0, 3], [1, 1]])}),
    "thresholded": node("ThresholdedRelu", (9,), opset=10, alpha=0.3),
    "not broadcast by default": node("Add", (2, 3), (3,), opset=7),
}


@pytest.mark.parametrize("name", OLD)
def test_older_form(name: str) -> None:
    proto = OLD[name]
    graph = load(proto)
    assert not any(isinstance(op, Opaque) for op in graph.ops)
    assert to_proto(graph) == proto
    runner = session(proto)
    inputs = random_inputs(graph)
    if name.startswith("batch"):
        inputs = [inputs[0], *(np.abs(i) for i in inputs[1:])]
    check_same(graph, runner, inputs)
    rewritten = to_proto(without_records(graph))
    onnx.checker.check_model(rewritten)
    check_same(graph, session(rewritten), inputs)
    check_same(load(rewritten), runner, inputs)


@pytest.mark.parametrize("name", ["perceptron", "old_forms", "constants_of_all_forms", "outputs_of_all_kinds"])
def test_constructed(name: str) -> None:
    proto = BUILDERS[name]()
    graph = load(proto)
    assert not any(isinstance(op, Opaque) for op in graph.ops)
    inputs = random_inputs(graph)
    strings = {n for n, v in zip(graph.output_names, graph.outputs, strict=True) if v.type.dtype.name == "string"}
    if strings:
        graph.set_outputs([p for p in zip(graph.output_names, graph.outputs, strict=True) if p[0] not in strings])
        graph.prune()
    check_same(graph, session(proto), inputs)


def test_sparse_weights_are_dense_constants() -> None:
    graph = load(BUILDERS["sparse_weights"]())
    (v,) = (c for c in graph.consts if c.name == "v")
    dense = np.zeros((8, 3), np.float32)
    dense.reshape(-1)[[3, 20]] = [1.5, -2]
    assert np.array_equal(v.data, dense)


def test_parameters_are_trainable() -> None:
    m = model(
        [
            h.make_node("Conv", ["x", "w", "b"], ["c"]),
            h.make_node("BatchNormalization", ["c", "s", "t", "mean", "var"], ["n"]),
            h.make_node("Mul", ["n", "half"], ["h"]),
            h.make_node("MatMul", ["h", "m"], ["p"]),
            h.make_node("Add", ["p", "bias"], ["y"]),
        ],
        [info("x", 1, 2, 5, 5)],
        [info("y", 1, 3, 3, 4)],
        [
            array("w", 3, 2, 3, 3),
            *(array(n, 3) for n in ("b", "s", "t", "mean", "var")),
            array("half", 1, 1, 1, 1),
            array("m", 3, 4),
            array("bias", 4),
        ],
    )
    trainable = {c.name for c in load(m).consts if c.trainable}
    assert trainable == {"w", "b", "s", "t", "m", "bias"}


def test_symbols() -> None:
    m = model(
        [h.make_node("Concat", ["x", "y"], ["z"], axis=1)],
        [info("x", "batch", "2*L"), info("y", "batch", None)],
        [info("z", None, None)],
    )
    graph = load(m)
    x, y = graph.inputs
    assert x.type.dims[0] == y.type.dims[0]
    assert str(graph.outputs[0].type) == "float32[batch,'2*L'+y_1]"
    assert isinstance(graph.bind({"batch": 3, "2*L": 4, "y_1": 2}).outputs[0].type.static, tuple)


def test_types_of_opaque_results_come_from_shape_inference() -> None:
    m = model(
        [
            h.make_node("LSTM", ["x", "w", "r", "", "lengths"], ["y"], hidden_size=3),
            h.make_node("Relu", ["y"], ["z"]),
        ],
        [info("x", 7, 1, 2), info("lengths", 1, dtype=onnx.TensorProto.INT32)],
        [info("z", None, None, None, None)],
        [array("w", 1, 12, 2), array("r", 1, 12, 3)],
    )
    graph = load(m)
    assert graph.ops[0].type.static == (7, 1, 1, 3)
    assert all(isinstance(v, Const) for v in graph.ops[0].operands[1:3])
