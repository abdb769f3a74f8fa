"""From a float graph to FakeQuant to integers: where grids go, what becomes an integer op, what stays float and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import lissom as ls
from lissom import emit
from lissom.ir.dims import symbol
from lissom.ir.errors import CheckFailed, DataError, Error, Unsupported
from lissom.ir.graph import Graph, Stage
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.add import Add
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.gelu import Gelu
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.global_average_pool import GlobalAveragePool
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.max_pool import MaxPool
from lissom.ir.ops.pad import Pad
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.sigmoid import Sigmoid
from lissom.ir.ops.softmax import Softmax
from lissom.ir.types import tensor
from lissom.ir.values import Const, Value
from lissom.passes.graph_pass import Kind, graph_pass
from lissom.passes.notes import recording
from lissom.passes.quantize.compare import steps
from lissom.passes.quantize.integerize import integerize
from lissom.passes.runner import run

N = symbol("N")
rng = np.random.default_rng(0)


def weights(*shape: int) -> Const:
    return Const((rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32), "w")


def batches(*shape: int, count: int = 3) -> list[np.ndarray]:
    return [rng.standard_normal((8, *shape)).astype(np.float32) for _ in range(count)]


def kinds(graph: Graph) -> list[str]:
    return [op.op_type for op in graph.ops]


def graph_of(build: Any, *shape: int) -> Graph:
    graph = Graph("net")
    x = graph.input("x", tensor("float32", N, *shape))
    graph.set_outputs({"y": build(x)})
    return graph


def residual(x: Value) -> Value:
    a = Relu(Conv(x, weights(8, 3, 3, 3), weights(8), pads=(1, 1, 1, 1)).named("first"))
    b = Conv(a, weights(8, 8, 3, 3), pads=(1, 1, 1, 1)).named("second")
    pooled = MaxPool(Relu(Add(a, b).named("sum")), (2, 2), strides=(2, 2))
    return Gemm(Flatten(GlobalAveragePool(pooled)), weights(10, 8), weights(10), transB=True).named("fc")


def test_a_residual_net_becomes_integer_only() -> None:
    graph = graph_of(residual, 3, 8, 8)
    data = batches(3, 8, 8)
    quantized = run("quantize(int8)", graph, data=data)
    assert kinds(quantized) == [
        "QuantizeLinear", "QLinearConv", "QLinearConv", "QLinearAdd", "MaxPool", "QLinearGlobalAveragePool", "Flatten",
        "QLinearGemm", "DequantizeLinear",
    ]  # fmt: skip
    assert quantized.stage is Stage.realized
    expected, got = evaluate(graph, data[0])[0], evaluate(quantized, data[0])[0]
    assert np.abs(expected - got).max() < 0.06 * np.abs(expected).max()
    for op in quantized.ops:
        if op.op_type == "QLinearConv":
            assert op.w.data.dtype == np.int8  # type: ignore[attr-defined]
            assert op.w.data.min() >= -127  # type: ignore[attr-defined]


def test_decide_keeps_shapes_and_stays_float() -> None:
    graph = graph_of(residual, 3, 8, 8)
    decided = run("fake_quantize(int8)", graph, data=batches(3, 8, 8))
    assert decided.stage is Stage.decided
    assert [o.type for o in decided.outputs] == [o.type for o in graph.outputs]
    # Grids: input, first ReLU, second conv, ReLU of the sum, pooled mean, logits; and three weights.
    assert kinds(decided).count("FakeQuant") == 6 + 3
    assert [k for k in kinds(decided) if k != "FakeQuant"] == kinds(graph)


def test_uint8_activations() -> None:
    quantized = run("quantize(uint8)", graph_of(residual, 3, 8, 8), data=batches(3, 8, 8))
    assert {op.type.dtype.name for op in quantized.ops} == {"uint8", "float32"}


def test_concat_puts_what_it_joins_on_one_grid() -> None:
    def build(x: Value) -> Value:
        left = Relu(Conv(x, weights(4, 3, 1, 1)))
        right = Conv(x, weights(4, 3, 3, 3), pads=(1, 1, 1, 1))
        return Conv(Concat((left, right), 1), weights(5, 8, 1, 1))

    quantized = run("quantize(int8)", graph_of(build, 3, 6, 6), data=batches(3, 6, 6))
    concat = next(op for op in quantized.ops if isinstance(op, Concat))
    left, right = concat.xs
    # The shared range goes below zero, so that saturation does not do the work of the ReLU.
    assert isinstance(left, Clip)
    assert left.x.y_scale.data == right.y_scale.data  # type: ignore[attr-defined]
    assert sorted(set(kinds(quantized))) == ["Clip", "Concat", "DequantizeLinear", "QLinearConv", "QuantizeLinear"]


def test_a_clip_that_saturation_does_is_dropped_and_another_becomes_a_table() -> None:
    def build(top: float) -> Any:
        zero, high = Const(np.float32(0), "zero"), Const(np.float32(top), "top")
        return lambda x: Clip(Conv(x, weights(4, 3, 1, 1), Const(np.full(4, 9, np.float32), "b")), zero, high)

    data = batches(3, 4, 4)
    assert "Lookup" not in kinds(run("quantize(int8)", graph_of(build(6.0), 3, 4, 4), data=data))
    # The clip never cuts at 100 on this data, but it might: the grid ends lower, so saturation still does its work.
    assert "Clip" not in kinds(run("quantize(int8)", graph_of(build(100.0), 3, 4, 4), data=data))


def test_activations_become_tables_and_softmax_stays_float() -> None:
    def build(x: Value) -> Value:
        hidden = Gelu(Add(MatMul(x, weights(6, 12)).named("up"), Const(np.ones(12, np.float32), "b")))
        return Softmax(Sigmoid(MatMul(hidden, weights(12, 4)).named("down")))

    graph = graph_of(build, 5, 6)
    data = batches(5, 6)
    with recording() as notes:
        quantized = run("quantize(int8)", graph, data=data)
    assert kinds(quantized) == [
        "QuantizeLinear", "QLinearGemm", "Lookup", "QLinearGemm", "Lookup", "DequantizeLinear", "Softmax",
    ]  # fmt: skip
    assert [n.reason for n in notes.refused if n.op.startswith("Softmax")] == [
        "nothing but the outputs is behind it, and in float it keeps its order"
    ]
    error = np.abs(evaluate(graph, data[0])[0] - evaluate(quantized, data[0])[0]).max()
    assert error < 0.02


def test_attention_scores_are_an_integer_product_of_two_activations() -> None:
    def build(x: Value) -> Value:
        from lissom.ir.ops.transpose import Transpose

        q, k = MatMul(x, weights(6, 8)), MatMul(x, weights(6, 8))
        return MatMul(q, Transpose(k, perm=(0, 2, 1)))

    quantized = run("quantize(int8)", graph_of(build, 5, 6), data=batches(5, 6))
    assert kinds(quantized).count("QLinearGemm") == 2
    assert kinds(quantized).count("QLinearMatMul") == 1


def test_padding_with_zero_is_padding_with_the_zero_point() -> None:
    def build(x: Value) -> Value:
        pads = Const(np.array([0, 0, 1, 0, 0, 0, 0, 1]), "pads")
        return Conv(Pad(Relu(Conv(x, weights(4, 3, 1, 1))), pads, Const(np.float32(0), "zero")), weights(4, 4, 2, 2))

    graph, data = graph_of(build, 3, 5, 5), batches(3, 5, 5)
    quantized = run("fake_quantize, integerize", graph, data=data)
    pad = next(op for op in quantized.ops if op.op_type == "Pad")
    assert pad.type.dtype.name == "int8"
    np.testing.assert_allclose(evaluate(quantized, data[0])[0], evaluate(graph, data[0])[0], atol=0.1)


def test_excluded_ops_stay_float() -> None:
    quantized = run('quantize(int8, exclude=["second"])', graph_of(residual, 3, 8, 8), data=batches(3, 8, 8))
    assert kinds(quantized).count("Conv") == 1
    assert kinds(quantized).count("QLinearConv") == 1


def test_percentile_calibration_is_an_option() -> None:
    graph, data = graph_of(residual, 3, 8, 8), batches(3, 8, 8)
    data[1][0, 0, 0, 0] = 400.0
    plain = run("quantize(int8, observer=minmax)", graph, data=data)
    cut = run("quantize(int8, observer=percentile, percentile=99.5)", graph, data=data)
    expected = evaluate(graph, data[0])[0]
    errors = [np.abs(evaluate(q, data[0])[0] - expected).mean() for q in (plain, cut)]
    assert errors[1] < errors[0] / 2


def test_a_qdq_model_is_integerized_without_data() -> None:
    data = batches(3, 8, 8)
    decided = run("fake_quantize", graph_of(residual, 3, 8, 8), data=data)
    from lissom.passes.quantize.pairs import split_fake_quant
    from lissom.passes.rule import rewrite

    qdq = decided.clone()
    rewrite(qdq, [split_fake_quant])
    qdq.stage = Stage.imported
    assert set(kinds(qdq)) >= {"QuantizeLinear", "DequantizeLinear", "Conv", "Add"}
    integers = run("integerize", qdq)
    assert kinds(integers) == kinds(run("integerize", decided))
    np.testing.assert_array_equal(evaluate(integers, data[0])[0], evaluate(run("integerize", decided), data[0])[0])


def test_an_exported_model_is_integerized_again(tmp_path: Path) -> None:
    data = batches(3, 8, 8)
    integers = run("quantize(int8)", graph_of(residual, 3, 8, 8), data=data)
    ls.save(integers, tmp_path / "int8.onnx")
    again = run("integerize", ls.load(tmp_path / "int8.onnx"))
    assert sorted(kinds(again)) == sorted(kinds(integers))
    np.testing.assert_array_equal(evaluate(again, data[0])[0], evaluate(integers, data[0])[0])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "empty|at least one"),
        ([np.zeros((4, 3, 8, 9), np.float32)], r"\[4, 3, 8, 9\]"),
        ([np.zeros((4, 3, 8, 8))], "float64"),
        ([np.full((4, 3, 8, 8), np.nan, np.float32)], "nan"),
    ],
    ids=["empty", "shape", "dtype", "nan"],
)
def test_bad_calibration_data_is_refused(data: list[np.ndarray], message: str) -> None:
    with pytest.raises(DataError, match=message):
        run("quantize(int8)", graph_of(residual, 3, 8, 8), data=data)


def test_missing_data_is_named() -> None:
    with pytest.raises(Error, match="data"):
        run("quantize(int8)", graph_of(residual, 3, 8, 8))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_named(bad: float) -> None:
    graph = graph_of(lambda x: Conv(x, Const(np.full((4, 3, 1, 1), bad, np.float32), "w")).named("c"), 3, 4, 4)
    with pytest.raises(DataError, match="weights 'w' of Conv 'c' hold NaN or Inf"):
        run("fake_quantize", graph, data=batches(3, 4, 4))


@pytest.mark.parametrize("scale", [0.0, -0.1, float("nan"), float("inf")])
def test_a_scale_that_is_no_positive_number_is_named(scale: float) -> None:
    from lissom.ir.ops.dequantize_linear import DequantizeLinear
    from lissom.ir.ops.quantize_linear import QuantizeLinear

    def build(x: Value) -> Value:
        s, z = Const(np.float32(scale), "s"), Const(np.int8(0), "z")
        return DequantizeLinear(QuantizeLinear(x, s, z).named("bad"), s, z)

    with pytest.raises(Error, match=r"QuantizeLinear 'bad': its scale is"):
        run("integerize", graph_of(build, 3), data=None)


def test_layers_get_other_bits_or_stay_float_by_name() -> None:
    graph, data = graph_of(residual, 3, 8, 8), batches(3, 8, 8)
    quantized = run('quantize(int8, weights=int4, layers=["first=int8", "fc=float"])', graph, data=data)
    found = {op.name: op.w.type.dtype.name for op in quantized.ops if op.op_type == "QLinearConv"}  # type: ignore[attr-defined]
    assert found == {"first": "int8", "second": "int4"}
    assert "Gemm" in kinds(quantized)


def test_layers_go_by_their_place_and_by_the_name_of_their_node(tmp_path: Path) -> None:
    graph, data = graph_of(residual, 3, 8, 8), batches(3, 8, 8)
    quantized = run('quantize(int8, exclude=[first, last], layers=["second=int4"])', graph, data=data)
    names = {op.name: op.op_type for op in quantized.ops}
    assert (names["first"], names["fc"], names["second"]) == ("Conv", "Gemm", "QLinearConv")
    ls.save(graph, tmp_path / "m.onnx")
    model = onnx.load(tmp_path / "m.onnx")
    for node in model.graph.node:
        node.name = f"node/{node.op_type}/{node.output[0]}"
    onnx.save(model, tmp_path / "m.onnx")
    (node,) = [n.name for n in model.graph.node if n.op_type == "Gemm"]
    again = run(f"quantize(int8, exclude=[{node!r}])", ls.load(tmp_path / "m.onnx"), data=data)
    assert [op.op_type for op in again.ops].count("Gemm") == 1
    with pytest.raises(Error, match=r"exclude: the graph has no op 'frist'.*did you mean 'first'"):
        run("quantize(int8, exclude=[frist])", graph, data=data)


@pytest.mark.parametrize("weights", ["int8", "int4"])
def test_weights_may_have_one_scale_for_all_channels(weights: str, tmp_path: Path) -> None:
    graph, data = graph_of(residual, 3, 8, 8), batches(3, 8, 8)
    pipeline = f"fake_quantize(weights={weights}, weight_scales=tensor), gptq, correct_bias, integerize"
    quantized = run(pipeline, graph, data=data)
    scales = [op.w_scale.type.size() for op in quantized.ops if op.op_type == "QLinearConv"]  # type: ignore[attr-defined]
    assert scales
    assert set(scales) == {1}
    exact, got = evaluate(graph, data[0])[0], evaluate(quantized, data[0])[0]
    assert np.square(exact - got).sum() < 0.05 * np.square(exact).sum()
    emit(quantized.bind({"N": 1}), tmp_path / "out")
    for i in range(4):
        x = data[0][i : i + 1]
        assert ls.Artifact(tmp_path / "out").run(x)[0].tobytes() == evaluate(quantized, x)[0].tobytes()


def test_a_percentile_is_a_share() -> None:
    with pytest.raises(Error, match="percentile is above 0"):
        run("quantize(int8, observer=percentile, percentile=101)", graph_of(residual, 3, 8, 8), data=batches(3, 8, 8))


@pytest.mark.parametrize(("entry", "message"), [("frist=int8", "did you mean 'first'"), ("first=int3", "int8, int4")])
def test_bad_layer_entries_are_named(entry: str, message: str) -> None:
    with pytest.raises(Error, match=message):
        run(f'quantize(int8, layers=["{entry}"])', graph_of(residual, 3, 8, 8), data=batches(3, 8, 8))


def test_int16_activations_are_exported_as_pairs() -> None:
    graph, data = graph_of(residual, 3, 8, 8), batches(3, 8, 8)
    quantized = run("quantize(int16)", graph, data=data)
    assert {op.type.dtype.name for op in quantized.ops if op.op_type == "QuantizeLinear"} == {"int16"}
    exact = evaluate(graph, data[0])[0]
    np.testing.assert_allclose(evaluate(quantized, data[0])[0], exact, atol=0.03 * np.abs(exact).max())


def test_data_that_never_changes_is_quantized_to_itself() -> None:
    graph = graph_of(residual, 3, 8, 8)
    data = [np.full((4, 3, 8, 8), 0.5, np.float32)]
    quantized = run("quantize(int8)", graph, data=data)
    expected, got = evaluate(graph, data[0])[0], evaluate(quantized, data[0])[0]
    assert np.abs(expected - got).max() < 0.05 * np.abs(expected).max()


def test_resize_by_nearest_and_gather_move_integers() -> None:
    from lissom.ir.ops.gather import Gather
    from lissom.ir.ops.resize import Resize

    def build(x: Value) -> Value:
        scales = Const(np.array([1, 1, 2, 2], np.float32), "scales")
        large = Resize(Relu(Conv(x, weights(4, 3, 1, 1))), None, scales)
        first = Gather(large, Const(np.array([0, 2]), "which"), 1)
        return Conv(first, weights(2, 2, 3, 3))

    graph, data = graph_of(build, 3, 5, 5), batches(3, 5, 5)
    quantized = run("quantize(int8)", graph, data=data)
    assert kinds(quantized) == ["QuantizeLinear", "QLinearConv", "Resize", "Gather", "QLinearConv", "DequantizeLinear"]


def amplifying(x: Value) -> Value:
    """Layers whose large weights of both signs turn a rounding into several steps behind."""
    for k in range(6):
        w = Const((rng.standard_normal((12, 12)) * 1.2).astype(np.float32), "w")
        x = Relu(Gemm(x, w, weights(12), transB=True).named(f"layer{k}"))
    return Gemm(x, weights(4, 12), transB=True).named("last")


@graph_pass(Kind.realize, comparison=steps())
def integerize_wrongly(graph: Graph) -> None:
    """Integers with every bias of the third layer off by what 40 steps of its result are."""
    from lissom.ir.ops.qlinear_gemm import QLinearGemm

    integerize(graph)
    layer = next(op for op in graph.ops if op.name == "layer3")
    assert isinstance(layer, QLinearGemm)
    unit = layer.y_scale.data / (layer.x_scale.data * layer.w_scale.data)  # type: ignore[attr-defined]
    shifted = Const((layer.b.data + 40 * unit).astype(np.int32))  # type: ignore[union-attr]
    graph.replace(layer, layer.replace(b=shifted))


def test_the_check_allows_what_roundings_do_and_no_more() -> None:
    graph, data = graph_of(amplifying, 12), batches(12)
    run("quantize(int8)", graph, data=data)
    decided = run("fake_quantize", graph, data=data)
    with pytest.raises(CheckFailed, match="computes something else"):
        run([integerize_wrongly.step()], decided, data=data)


def test_int16_stays_between_pairs_and_c_says_so(tmp_path: Path) -> None:
    graph, data = graph_of(residual, 3, 8, 8), batches(3, 8, 8)
    quantized = run("quantize(dtype=int16)", graph, data=data)
    assert "QuantizeLinear" in kinds(quantized)
    assert not [k for k in kinds(quantized) if k.startswith("QLinear")]
    exact, got = evaluate(graph, data[0])[0], evaluate(quantized, data[0])[0]
    assert np.abs(exact - got).max() < 0.02 * np.abs(exact).max()
    with pytest.raises(Unsupported, match="int16"):
        emit(quantized.bind({"N": 1}), tmp_path / "out")


def test_a_channel_whose_weights_are_next_to_nothing_keeps_its_bias() -> None:
    w = weights(4, 3, 1, 1).data.copy()
    w[2] *= 1e-30
    bias = np.float32([0.5, -1.0, 2.0, 0.1])

    def build(x: Value) -> Value:
        return Conv(x, Const(w, "w"), Const(bias, "b")).named("conv")

    graph, data = graph_of(build, 3, 4, 4), batches(3, 4, 4)
    quantized = run("quantize(int8)", graph, data=data)
    assert kinds(quantized) == ["QuantizeLinear", "QLinearConv", "DequantizeLinear"]
    got = evaluate(quantized, data[0])[0]
    assert np.abs(got - evaluate(graph, data[0])[0]).max() < 0.03 * np.abs(got).max()
    assert got[:, 2] == pytest.approx(2.0, rel=0.02)
