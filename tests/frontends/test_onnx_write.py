"""What is written after a graph has changed, and for graphs that no file lies behind."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper as h
from onnx import numpy_helper

sys.path.insert(0, str(Path(__file__).parent))
from onnx_models import BUILDERS, array, info, model, perceptron

from lissom.backends.onnx import save, to_proto
from lissom.ir.dims import symbol
from lissom.ir.errors import Unsupported
from lissom.ir.graph import Graph
from lissom.ir.importers.onnx import load
from lissom.ir.interpreter import evaluate
from lissom.ir.op import OPS
from lissom.ir.ops.add import Add
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.gelu import Gelu
from lissom.ir.ops.lookup import Lookup
from lissom.ir.ops.opaque import Opaque
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.sigmoid import Sigmoid
from lissom.ir.types import DType, tensor
from lissom.ir.values import Const, Value
from lissom.ir.verify import verify


def run(proto: onnx.ModelProto, *inputs: Any) -> list[Any]:
    onnx.checker.check_model(proto, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return list(session.run(None, {i.name: a for i, a in zip(session.get_inputs(), inputs, strict=True)}))


def check_written(graph: Graph, *inputs: Any) -> onnx.ModelProto:
    """The graph's proto, which onnxruntime finds to mean the same."""
    verify(graph)
    proto = to_proto(graph)
    for a, b in zip(evaluate(graph, *inputs), run(proto, *inputs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    return proto


X = np.linspace(-2, 2, 12, dtype=np.float32).reshape(2, 6)


def op_of(graph: Graph, name: str) -> Any:
    return next(op for op in graph.ops if op.name == name)


def test_one_op_replaced_and_the_rest_as_it_was() -> None:
    original = BUILDERS["metadata_everywhere"]()
    original.ClearField("training_info")
    graph = load(original)
    graph.replace(op_of(graph, "r"), Sigmoid(op_of(graph, "h")).named("r"))
    proto = check_written(graph, X)
    assert proto.graph.node[0] == original.graph.node[0]
    assert proto.graph.node[1].op_type == "Sigmoid"
    assert proto.graph.node[1].output == ["r"]
    assert proto.graph.node[2] == original.graph.node[2]
    for field in ("initializer", "input", "output", "doc_string", "metadata_props", "quantization_annotation"):
        assert getattr(proto.graph, field) == getattr(original.graph, field)


def test_replaced_weight_keeps_its_name() -> None:
    graph = load(perceptron())
    fc = op_of(graph, "h")
    graph.replace(fc, fc.replace(c=np.zeros(8, np.float32)))
    proto = check_written(graph, X)
    assert [t.name for t in proto.graph.initializer] == ["w", "v", "b"]
    assert proto.graph.node[0].name == "fc"
    assert not numpy_helper.to_array(proto.graph.initializer[2]).any()


def test_two_constants_with_one_name() -> None:
    graph = load(perceptron())
    out = op_of(graph, "y")
    twin = Const(np.full((8, 3), 2, np.float32), "v")
    graph.replace(out, Add(out, OPS["MatMul"](op_of(graph, "r"), twin)))
    proto = check_written(graph, X)
    assert {t.name for t in proto.graph.initializer} == {"w", "b", "v", "v_1"}
    assert proto.graph.output[0].name == "y"


def test_outputs_keep_their_names_whatever_is_behind() -> None:
    graph = load(perceptron())
    hidden, (x,) = op_of(graph, "h"), graph.inputs
    constant = Const(np.ones(2, np.float32), "k")
    graph.set_outputs({"y": x, "again": x, "a": hidden, "b": hidden, "c": constant})
    graph.prune()
    proto = check_written(graph, X)
    assert [o.name for o in proto.graph.output] == ["y", "again", "a", "b", "c"]
    assert [n.op_type for n in proto.graph.node] == ["Gemm"] + 4 * ["Identity"]


def test_shapes_are_written_anew_where_they_changed() -> None:
    original = perceptron()
    original.graph.value_info.extend([info("h", "N", 8), info("r", "N", 8)])
    bound = load(original).bind({"N": 2})
    assert to_proto(bound) != original
    proto = check_written(bound, X)
    types = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in proto.graph.value_info}
    assert types == {"h": [2, 8], "r": [2, 8]}
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 2
    assert proto.graph.output[0].type.tensor_type.shape.dim[0].dim_value == 2


def test_value_info_of_what_is_gone_goes() -> None:
    original = perceptron()
    original.graph.value_info.extend([info("h", "N", 8), info("r", "N", 8)])
    graph = load(original)
    graph.replace(op_of(graph, "r"), op_of(graph, "h"))
    assert [v.name for v in check_written(graph, X).graph.value_info] == ["h"]


def test_unused_stays_unused() -> None:
    graph = load(BUILDERS["dead_ends"]())
    out = op_of(graph, "y")
    graph.replace(out, Relu(out))
    proto = to_proto(graph)
    assert "loose" in [t.name for t in proto.graph.initializer]
    assert "dead" in [n.name for n in proto.graph.node]


def test_captures_follow_new_names() -> None:
    original = BUILDERS["branches_with_captures"]()
    graph = load(original)
    branch = op_of(graph, "y")
    assert isinstance(branch, Opaque)
    assert [v.name for v in branch.captures] == ["x", "h", "c", "w"]
    graph.replace(op_of(graph, "h"), Sigmoid(graph.inputs[0]).named("k"))  # the name of a value inside a branch
    graph.replace(branch.captures[3], Const(np.array([5, 7], np.float32), "other"))
    proto = to_proto(graph)
    assert [t.name for t in proto.graph.initializer] == ["zero", "other"]
    for x in (np.array([1, 2], np.float32), np.array([-1, -2], np.float32)):
        expected = [5, 7] if x[0] > 0 else x  # (s + other) - s
        np.testing.assert_allclose(run(proto, x)[0], expected, rtol=1e-5)


def test_opset_is_raised_as_far_as_needed() -> None:
    original = BUILDERS["old_softmax"]()
    graph = load(original)
    soft = op_of(graph, "s")
    assert to_proto(graph) == original
    graph.replace(graph.inputs[0].users[0].operands[0], graph.inputs[0])
    graph.replace(soft, Gelu(soft))
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    proto = check_written(graph, x)
    assert [o.version for o in proto.opset_import] == [20]
    assert proto.ir_version >= 9


def test_old_forms_are_rewritten_for_a_newer_opset() -> None:
    graph = load(BUILDERS["old_forms"]())
    first = op_of(graph, "a")
    graph.replace(first, Gelu(first))
    x = np.random.default_rng(0).standard_normal((1, 3, 4)).astype(np.float32)
    proto = check_written(graph, x)
    assert [len(n.input) for n in proto.graph.node if n.op_type == "Squeeze"] == [2]


def test_opaque_op_whose_meaning_would_change() -> None:
    node = h.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=3, name="cell")
    weights = [array("w", 1, 12, 2), array("r", 1, 12, 3)]
    graph = load(model([node], [info("x", "T", 1, 2)], [info("y", "T", 1, 1, 3)], weights, opset=11))
    (cell,) = graph.ops
    graph.replace(cell, Relu(cell))
    assert [o.version for o in to_proto(graph).opset_import] == [11]
    graph.replace(cell, Gelu(cell))
    with pytest.raises(Unsupported, match=r"LSTM 'y' .*cannot be written: other ops need opset 20"):
        to_proto(graph)


def test_graph_from_nothing() -> None:
    graph = Graph("net")
    x = graph.input("x", tensor("float32", symbol("N"), 3, 5, 5))
    w, b = np.ones((4, 3, 3, 3), np.float32) / 9, np.arange(4, dtype=np.float32)
    y: Value = Relu(Conv(x, Const(w), Const(b, "bias"), pads=(1, 1, 1, 1)))
    graph.set_outputs({"y": y})
    proto = check_written(graph, np.random.default_rng(0).standard_normal((2, 3, 5, 5)).astype(np.float32))
    assert proto.producer_name == "lissom"
    assert proto.graph.name == "net"
    assert [i.name for i in proto.graph.initializer] == ["const", "bias"]
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
    assert to_proto(graph) == proto


def quantized_conv() -> Graph:
    graph = Graph("q")
    x = graph.input("x", tensor("uint8", 1, 2, 6, 6))
    rng = np.random.default_rng(3)

    def const(value: Any, dtype: Any, name: str) -> Const:
        return Const(np.asarray(value, dtype), name)

    w = const(rng.integers(-127, 128, (3, 2, 3, 3)), np.int8, "w")
    conv = QLinearConv(
        x,
        const(0.02, np.float32, "xs"),
        const(128, np.uint8, "xz"),
        w,
        const([0.01, 0.02, 0.005], np.float32, "ws"),
        const([0, 0, 0], np.int8, "wz"),
        const(0.05, np.float32, "ys"),
        const(100, np.uint8, "yz"),
        const(rng.integers(-3000, 3000, 3), np.int32, "b"),
        pads=(1, 1, 1, 1),
    )
    table = const(np.roll(np.arange(256), 7), np.uint8, "table")
    graph.set_outputs({"y": Lookup(conv, table)})
    return graph


def test_integer_ops_are_written_as_quantize_and_dequantize() -> None:
    graph = quantized_conv()
    before = str(graph)
    x = np.random.default_rng(0).integers(0, 256, (1, 2, 6, 6)).astype(np.uint8)
    proto = to_proto(graph)
    assert str(graph) == before
    assert {n.op_type for n in proto.graph.node} >= {"DequantizeLinear", "Conv", "QuantizeLinear", "Gather"}
    assert not [n for n in proto.graph.node if n.domain]
    (expected,) = evaluate(graph, x)
    assert np.mean(run(proto, x)[0] != expected) < 0.02  # onnxruntime rounds ties of its float sums its own way


def test_integer_op_of_a_file_stays() -> None:
    (conv, *_) = quantized_conv().ops
    names = [v.name for v in conv.operands]
    weights = [numpy_helper.from_array(v.data, v.name) for v in conv.operands if isinstance(v, Const)]
    node = h.make_node("QLinearConv", names, ["y"], pads=[1, 1, 1, 1])
    element = onnx.TensorProto.UINT8
    original = model([node], [info("x", 1, 2, 6, 6, dtype=element)], [info("y", 1, 3, 6, 6, dtype=element)], weights)
    graph = load(original)
    assert isinstance(graph.ops[0], QLinearConv)
    assert to_proto(graph) == original


@pytest.fixture
def private_op() -> Iterator[type[Relu]]:
    class Private(Relu):
        domain = "lissom"

    yield Private
    del OPS["Private"]


def test_op_that_onnx_has_no_words_for(private_op: type[Relu]) -> None:
    graph = Graph()
    graph.set_outputs({"y": private_op(graph.input("x", tensor("float32", 2)))})
    with pytest.raises(Unsupported, match=r"ONNX has no op for lissom\.Private"):
        to_proto(graph)


def test_element_type_no_opset_has() -> None:
    graph = Graph()
    graph.set_outputs({"y": Relu(graph.input("x", tensor(DType.bool, 2)))})
    with pytest.raises(Unsupported, match=r"Relu.*cannot be written as ONNX"):
        to_proto(graph)


def test_external_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = [array("big", 64, 64), array("odd", 1001), array("small", 3)]
    nodes = [h.make_node("Identity", [w.name], [f"y_{w.name}"]) for w in weights]
    original = model(nodes, [], [info(f"y_{w.name}", *w.dims) for w in weights], weights)
    graph = load(original)
    save(graph, tmp_path / "m.onnx", external_data=True)
    stored = onnx.load(tmp_path / "m.onnx", load_external_data=False)
    assert [t.data_location == onnx.TensorProto.EXTERNAL for t in stored.graph.initializer] == [True, True, False]
    entries = [{e.key: e.value for e in t.external_data} for t in stored.graph.initializer[:2]]
    assert [e["location"] for e in entries] == ["m.onnx.data"] * 2
    assert all(int(e["offset"]) % 64 == 0 for e in entries)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.onnx", "m.onnx.data"]
    again = load(tmp_path / "m.onnx")
    for a, b in zip(again.consts, graph.consts, strict=True):
        assert np.array_equal(a.data, b.data)
    save(again, tmp_path / "plain.onnx", external_data=False)
    assert onnx.load(tmp_path / "plain.onnx") == original
    monkeypatch.setattr("lissom.backends.onnx.files.PROTO_LIMIT", (1 << 26) + 10_000)
    save(graph, tmp_path / "auto.onnx")
    assert (tmp_path / "auto.onnx.data").exists()
    session = onnxruntime.InferenceSession(tmp_path / "auto.onnx", providers=["CPUExecutionProvider"])
    assert np.array_equal(session.run(None, {})[0], graph.consts[0].data)


def test_same_graph_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(load(BUILDERS["old_forms"]()), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
