"""The integer ops against oracles that are not ours: onnxruntime's kernels, and loops over exact integers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import lissom.ir.ops
from lissom.ir.families.integer import IntegerOp
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.op import OPS, Op
from lissom.ir.ops.lookup import Lookup
from lissom.ir.ops.lookup_channels import LookupChannels
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.qlinear_add import QLinearAdd
from lissom.ir.ops.qlinear_average_pool import QLinearAveragePool
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.ops.qlinear_conv_transpose import QLinearConvTranspose
from lissom.ir.ops.qlinear_gemm import QLinearGemm
from lissom.ir.ops.qlinear_global_average_pool import QLinearGlobalAveragePool
from lissom.ir.ops.qlinear_layer_normalization import QLinearLayerNormalization
from lissom.ir.ops.qlinear_mat_mul import QLinearMatMul
from lissom.ir.ops.qlinear_mul import QLinearMul
from lissom.ir.ops.qlinear_reduce_mean import QLinearReduceMean
from lissom.ir.ops.qlinear_resize import QLinearResize
from lissom.ir.ops.qlinear_softmax import QLinearSoftmax, exponentials
from lissom.ir.ops.qlinear_sub import QLinearSub
from lissom.ir.ops.resize import Resize
from lissom.ir.samples import random_array
from lissom.ir.values import Const, Value

assert lissom.ir.ops  # fills OPS
INTEGER = [cls for cls in OPS.values() if issubclass(cls, IntegerOp)]
f32 = np.float32


def result_of(op: Op) -> Any:
    graph = Graph()
    graph.set_outputs({"y": op})
    return evaluate(graph)[0]


def quantized(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any, scale: float | None = None) -> list[Const]:
    info = np.iinfo(dtype)
    data = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    s = f32(rng.uniform(0.005, 0.1) if scale is None else scale)
    return [Const(data, "t"), Const(np.asarray(s)), Const(np.asarray(rng.integers(info.min, info.max), dtype))]


def round_half_even(x: np.ndarray) -> np.ndarray:
    return np.rint(x.astype(f32))


def requantized(acc: np.ndarray, m: np.ndarray, zero_point: Const) -> np.ndarray:
    """The contract of docs/numerics.md on int64 sums, in numpy."""
    assert np.abs(acc).max(initial=0) < 2**31
    info = np.iinfo(zero_point.data.dtype)
    y = round_half_even(acc.astype(f32) * m.astype(f32)) + f32(zero_point.data)
    return np.clip(y, info.min, info.max).astype(zero_point.data.dtype)


types = st.sampled_from([np.int8, np.uint8])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), types, st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.booleans())
def test_conv_equals_a_loop(seed: int, dtype: Any, kernel: int, stride: int, group: int, per_channel: bool) -> None:
    rng = np.random.default_rng(seed)
    n, c, o = 1, group * int(rng.integers(1, 4)), group * int(rng.integers(1, 4))
    h, w = kernel + int(rng.integers(0, 5)), kernel + int(rng.integers(0, 5))
    pads = tuple(int(p) for p in rng.integers(0, kernel, 4))
    x, y = quantized(rng, (n, c, h, w), dtype), quantized(rng, (1,), dtype)[1:]
    weights = Const(rng.integers(-127, 127, (o, c // group, kernel, kernel), dtype=np.int8, endpoint=True))
    scales = rng.uniform(0.001, 0.05, o).astype(f32) if per_channel else f32(0.01)
    zeros = np.zeros(o, np.int8) if per_channel else np.int8(0)
    bias = Const(rng.integers(-5000, 5000, o, dtype=np.int32))
    op = QLinearConv(
        *x, weights, Const(scales), Const(zeros), *y, bias, strides=(stride, stride), pads=pads, group=group
    )
    acc = np.zeros(op.type.static, np.int64)  # type: ignore[arg-type]
    centred = np.pad(
        x[0].data.astype(np.int64) - int(x[2].data), ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3]))
    )
    for oc, i, j in itertools.product(range(o), *map(range, acc.shape[2:])):
        first = oc // (o // group) * (c // group)
        window = centred[
            0, first : first + c // group, i * stride : i * stride + kernel, j * stride : j * stride + kernel
        ]
        acc[0, oc, i, j] = (window * weights.data[oc]).sum() + bias.data[oc]
    m = (x[1].data * scales / y[0].data).reshape(-1, 1, 1)
    np.testing.assert_array_equal(result_of(op), requantized(acc, m, y[1]))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), types, types)
def test_gemm_and_matmul_equal_exact_integers(seed: int, left: Any, right: Any) -> None:
    rng = np.random.default_rng(seed)
    m, k, n = (int(v) for v in rng.integers(1, 30, 3))
    y = quantized(rng, (1,), left, scale=0.5)[1:]
    x, w = quantized(rng, (2, m, k), left), quantized(rng, (n, k), right)
    acc = (x[0].data.astype(np.int64) - int(x[2].data)) @ (w[0].data.astype(np.int64) - int(w[2].data)).T
    bias = rng.integers(-(2**20), 2**20, n, dtype=np.int32)
    multiplier = x[1].data * w[1].data / y[0].data
    np.testing.assert_array_equal(
        result_of(QLinearGemm(*x, *w, *y, Const(bias))), requantized(acc + bias, multiplier, y[1])
    )
    transposed = [Const(np.ascontiguousarray(w[0].data.T)), w[1].replace(w[1].data), w[2].replace(w[2].data)]
    x, y = [c.replace(c.data) for c in x], [c.replace(c.data) for c in y]
    np.testing.assert_array_equal(result_of(QLinearMatMul(*x, *transposed, *y)), requantized(acc, multiplier, y[1]))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), types, types, types)
def test_add_and_mul_equal_numpy(seed: int, left: Any, right: Any, out: Any) -> None:
    rng = np.random.default_rng(seed)
    shapes = [(3, 4, 5), (4, 1), (1,), ()]
    a, b = quantized(rng, shapes[0], left), quantized(rng, shapes[int(rng.integers(4))], right)
    y = quantized(rng, (1,), out)[1:]
    u, v = a[0].data.astype(np.int64) - int(a[2].data), b[0].data.astype(np.int64) - int(b[2].data)
    total = u.astype(f32) * (a[1].data / y[0].data) + v.astype(f32) * (b[1].data / y[0].data)
    info = np.iinfo(out)
    expected = np.clip(round_half_even(total) + f32(y[1].data), info.min, info.max).astype(out)
    np.testing.assert_array_equal(result_of(QLinearAdd(*a, *b, *y)), expected)
    a, b, y = ([c.replace(c.data) for c in group] for group in (a, b, y))
    multiplier = a[1].data * b[1].data / y[0].data
    np.testing.assert_array_equal(result_of(QLinearMul(*a, *b, *y)), requantized(u * v, multiplier, y[1]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), types, st.booleans())
def test_average_pools_equal_a_loop(seed: int, dtype: Any, count_include_pad: bool) -> None:
    rng = np.random.default_rng(seed)
    k, s, p = int(rng.integers(1, 4)), int(rng.integers(1, 3)), int(rng.integers(0, 2))
    p = min(p, k - 1)
    h = k + int(rng.integers(0, 6))
    x, y = quantized(rng, (1, 2, h, h), dtype), quantized(rng, (1,), dtype)[1:]
    centred = x[0].data.astype(np.int64) - int(x[2].data)
    op = QLinearAveragePool(*x, *y, (k, k), (s, s), (p, p, p, p), count_include_pad=count_include_pad)
    expected = np.zeros(op.type.static, dtype)  # type: ignore[arg-type]
    inside = np.pad(np.ones((h, h), np.int64), p, constant_values=int(count_include_pad))
    padded = np.pad(centred, ((0, 0), (0, 0), (p, p), (p, p)))
    for c, i, j in itertools.product(range(2), *map(range, expected.shape[2:])):
        window = np.s_[i * s : i * s + k, j * s : j * s + k]
        m = x[1].data / (y[0].data * f32(inside[window].sum()))
        expected[0, c, i, j] = requantized(padded[0, c][window].sum(), m, y[1])
    np.testing.assert_array_equal(result_of(op), expected)
    x, y = [c.replace(c.data) for c in x], [c.replace(c.data) for c in y]
    m = x[1].data / (y[0].data * f32(h * h))
    whole = requantized(centred.sum((2, 3), keepdims=True), m, y[1])
    np.testing.assert_array_equal(result_of(QLinearGlobalAveragePool(*x, *y)), whole)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), types, st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.booleans())
def test_transposed_conv_equals_a_loop(
    seed: int, dtype: Any, kernel: int, stride: int, group: int, per_channel: bool
) -> None:
    rng = np.random.default_rng(seed)
    c, o = group * int(rng.integers(1, 4)), int(rng.integers(1, 4))
    n = int(rng.integers(kernel, kernel + 4))
    pads = tuple(int(p) for p in rng.integers(0, kernel, 2))
    x, y = quantized(rng, (2, c, n), dtype), quantized(rng, (1,), dtype, scale=0.5)[1:]
    weights = Const(rng.integers(-127, 127, (c, o, kernel), dtype=np.int8, endpoint=True))
    each = per_channel and group == 1
    scales = rng.uniform(0.001, 0.05, o).astype(f32) if each else f32(0.01)
    bias = Const(rng.integers(-5000, 5000, o * group, dtype=np.int32))
    zeros = Const(np.zeros(np.shape(scales), np.int8))
    whole = (n - 1) * stride + kernel
    if whole <= sum(pads):
        return
    op = QLinearConvTranspose(*x, weights, Const(scales), zeros, *y, bias, strides=(stride,), pads=pads, group=group)
    acc = np.zeros((2, o * group, whole), np.int64)
    centred = x[0].data.astype(np.int64) - int(x[2].data)
    for i, j, k, p in itertools.product(range(c), range(o), range(kernel), range(n)):
        channel = i // (c // group) * o + j
        acc[:, channel, p * stride + k] += centred[:, i, p] * int(weights.data[i, j, k])
    acc = acc[:, :, pads[0] : whole - pads[1]] + bias.data[:, None]
    m = np.reshape(x[1].data * scales / y[0].data, (-1, 1))
    np.testing.assert_array_equal(result_of(op), requantized(acc, m, y[1]))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), types, st.sampled_from(["half_pixel", "align_corners", "asymmetric"]))
def test_interpolation_is_within_one_step_of_the_reals_and_keeps_constants(seed: int, dtype: Any, mode: str) -> None:
    rng = np.random.default_rng(seed)
    x = quantized(rng, (2, 3, *(int(v) for v in rng.integers(1, 7, 2))), dtype)
    sizes = rng.integers(1, 12, 2)
    y = [x[1].replace(x[1].data), x[2].replace(x[2].data)]
    options = {"mode": "linear", "axes": (2, 3), "coordinate_transformation_mode": mode}
    op = QLinearResize(*x, *y, None, Const(sizes), **options)
    centred = x[0].data.astype(np.float64) - int(x[2].data)
    exact = result_of(Resize(Const(centred), None, None, Const(sizes), **options)) + int(x[2].data)
    assert np.abs(result_of(op) - exact).max() <= 1
    flat, zero, twin = Const(np.full_like(x[0].data, 77)), x[2].replace(x[2].data), [v.replace(v.data) for v in y]
    scale = x[1].replace(x[1].data)
    assert (result_of(QLinearResize(flat, scale, zero, *twin, None, Const(sizes), **options)) == 77).all()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_lookup_by_channel_reads_the_row_of_the_channel(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    every = np.broadcast_to(np.arange(256, dtype=np.uint8).view(dtype)[:, None], (256, 5))
    table = rng.integers(-128, 128, (5, 256)).astype(np.int8)
    expected = np.array([[table[c, int(v) % 256] for c, v in enumerate(row)] for row in every])
    np.testing.assert_array_equal(result_of(LookupChannels(Const(np.ascontiguousarray(every)), Const(table))), expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), types, types)
def test_sub_and_mean_equal_numpy(seed: int, left: Any, right: Any) -> None:
    rng = np.random.default_rng(seed)
    a, b, y = quantized(rng, (3, 4, 5), left), quantized(rng, (4, 1), right), quantized(rng, (1,), left)[1:]
    u, v = a[0].data.astype(np.int64) - int(a[2].data), b[0].data.astype(np.int64) - int(b[2].data)
    total = u.astype(f32) * (a[1].data / y[0].data) - v.astype(f32) * (b[1].data / y[0].data)
    info = np.iinfo(left)
    expected = np.clip(round_half_even(total) + f32(y[1].data), info.min, info.max).astype(left)
    np.testing.assert_array_equal(result_of(QLinearSub(*a, *b, *y)), expected)
    a, y = ([c.replace(c.data) for c in group] for group in (a, y))
    mean = requantized(u.sum((0, 2), keepdims=True), a[1].data / (y[0].data * f32(15)), y[1])
    np.testing.assert_array_equal(result_of(QLinearReduceMean(*a, *y, (0, 2))), mean)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), types, st.integers(1, 60))
def test_softmax_and_layer_normalization_are_within_one_step_of_the_reals(seed: int, dtype: Any, width: int) -> None:
    rng = np.random.default_rng(seed)
    x, info = quantized(rng, (4, width), dtype), np.iinfo(dtype)
    real = (x[0].data.astype(np.float64) - int(x[2].data)) * float(x[1].data)

    def near(op: Op, exact: np.ndarray, scale: float, zero_point: int) -> None:
        q = np.clip(np.rint(exact / scale) + zero_point, info.min, info.max)
        assert np.abs(result_of(op).astype(np.int64) - q).max() <= 1

    y = [Const(f32(1 / 255)), Const(np.asarray(info.min, dtype))]
    e = np.exp(real - real.max(-1, keepdims=True))
    table = Const(exponentials(float(x[1].data), width))
    near(QLinearSoftmax(*x, *y, table), e / e.sum(-1, keepdims=True), 1 / 255, int(info.min))
    x = [c.replace(c.data) for c in x]
    gain, shift = (rng.uniform(-2, 2, width).astype(f32) for _ in range(2))
    y = [Const(f32(0.05)), Const(np.asarray(info.min + 128, dtype))]
    normal = (real - real.mean(-1, keepdims=True)) / np.sqrt(real.var(-1, keepdims=True) + 1e-3)
    op = QLinearLayerNormalization(*x, *y, Const(gain), Const(shift), epsilon=1e-3)
    near(op, normal * gain + shift, float(f32(0.05)), int(info.min) + 128)


def test_mask_is_zero_where_it_does_not_keep() -> None:
    x = np.array([[np.nan, 2.0, -0.5], [np.inf, 4.0, 1.5]], f32)
    expected = np.array([[0.0, 2.0, 0.0], [0.0, 4.0, 0.0]], f32)
    np.testing.assert_array_equal(result_of(Mask(Const(x), Const(np.array([False, True, False])))), expected)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_lookup_is_ordered_by_the_bits_of_its_operand(dtype: Any) -> None:
    every = np.arange(256, dtype=np.uint8).view(dtype)
    table = np.random.default_rng(0).integers(-128, 128, 256).astype(np.int8)
    expected = np.array([table[int(v) % 256] for v in every])
    np.testing.assert_array_equal(result_of(Lookup(Const(every), Const(table))), expected)


@pytest.mark.parametrize("op", [s for cls in INTEGER for s in cls.samples()], ids=repr)
def test_the_qdq_spelling_is_within_one_step(op: IntegerOp) -> None:
    """Float sums may round to the other side of a boundary; most must not."""
    graph = Graph()
    copies: dict[Value, Value] = {}
    for v in op.operands:
        data = v.data if isinstance(v, Const) else random_array(v.name, v.type.static, v.type.dtype)  # type: ignore[arg-type]
        copies[v] = Const(data, v.name)
    twin = op._copy(copies)
    graph.set_outputs({"integer": twin, "qdq": twin.as_qdq()})
    integer, qdq = evaluate(graph)
    off = np.abs(integer.astype(int) - qdq.astype(int))
    assert off.max() <= 1
    assert (off > 0).mean() <= 0.05


def ort_session(node: onnx.NodeProto, values: dict[str, np.ndarray], out: int) -> np.ndarray:
    initializers = [numpy_helper.from_array(np.ascontiguousarray(a), name) for name, a in values.items()]
    y = helper.make_tensor_value_info("y", out, None)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph([node], "g", [], [y], initializers)
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    (result,) = ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"]).run(None, {})
    return np.asarray(result)


@pytest.mark.parametrize("seed", range(8))
def test_conv_and_matmul_give_the_bytes_of_onnxruntime(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = quantized(rng, (1, 6, 11, 9), np.uint8), quantized(rng, (1,), np.uint8, scale=0.3)[1:]
    # 7-bit weights: onnxruntime's kernels for plain AVX2 saturate 16-bit sums of pairs with the full range.
    w = rng.integers(-63, 64, (4, 6, 3, 3)).astype(np.int8)
    scales = rng.uniform(0.001, 0.02, 4).astype(f32)
    bias = rng.integers(-2000, 2000, 4).astype(np.int32)
    names = ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"]
    arrays = [*(c.data for c in x), w, scales, np.zeros(4, np.int8), *(c.data for c in y), bias]
    node = helper.make_node("QLinearConv", names, ["y"], pads=[1, 1, 1, 1])
    expected = ort_session(node, dict(zip(names, arrays, strict=True)), TensorProto.UINT8)
    op = QLinearConv(*x, Const(w), Const(scales), Const(np.zeros(4, np.int8)), *y, Const(bias), pads=(1, 1, 1, 1))
    np.testing.assert_array_equal(result_of(op), expected)

    a, b = (
        quantized(rng, (5, 40), np.uint8),
        [Const(rng.integers(-63, 64, (40, 7)).astype(np.int8)), Const(f32(0.02)), Const(np.int8(0))],
    )
    y = [c.replace(c.data) for c in y]
    names = ["a", "as", "az", "b", "bs", "bz", "ys", "yz"]
    node = helper.make_node("QLinearMatMul", names, ["y"])
    values = dict(zip(names, [c.data for c in (*a, *b, *y)], strict=True))
    expected = ort_session(node, values, TensorProto.UINT8)
    np.testing.assert_array_equal(result_of(QLinearMatMul(*a, *b, *y)), expected)
