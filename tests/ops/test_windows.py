"""Window geometry of convolutions and pools against onnxruntime and PyTorch, on random strides, pads and dilations."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import helper

from lissom.ir.dims import bind, symbol
from lissom.ir.errors import TypeMismatch, Unsupported
from lissom.ir.op import Op
from lissom.ir.ops import AveragePool, Conv, ConvTranspose, LpPool, MaxPool
from lissom.ir.types import DType, tensor
from lissom.ir.values import Const, Input


def by_runtime(op: str, attributes: dict[str, Any], *arrays: np.ndarray, outputs: int = 1) -> list[np.ndarray]:
    """What onnxruntime computes; skips the example where it refuses the attributes."""
    names = [f"i{k}" for k in range(len(arrays))]
    results = [f"o{k}" for k in range(outputs)]
    given = [
        helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, a.shape) for n, a in zip(names, arrays, strict=True)
    ]
    types = [onnx.TensorProto.FLOAT, onnx.TensorProto.INT64]
    wanted = [helper.make_tensor_value_info(n, types[k], None) for k, n in enumerate(results)]
    node = helper.make_node(op, names, results, **attributes)
    model = helper.make_model(
        helper.make_graph([node], "g", given, wanted), opset_imports=[helper.make_opsetid("", 22)], ir_version=10
    )
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return list(session.run(None, dict(zip(names, arrays, strict=True))))
    except Exception:  # InvalidArgument, Fail and NotImplemented, which share no base class
        assume(False)
        raise


def run(op: Op, *arrays: np.ndarray) -> tuple[torch.Tensor, ...]:
    """All results of the op, their shapes checked against the inferred ones."""
    computed = op.run(*map(torch.from_numpy, arrays))
    results = computed if isinstance(computed, tuple) else (computed,)
    assert [tuple(r.shape) for r in results] == [v.type.static for v in op.results]
    return results


def same_with_symbols(op: Op) -> None:
    """Inference with a symbol for every spatial size, bound to the sizes, agrees with inference on the sizes."""
    names = [f"S{i}" for i in range(op.x.type.rank - 2)]  # type: ignore[attr-defined]
    sizes = dict(zip(names, op.x.type.dims[2:], strict=True))  # type: ignore[attr-defined]
    x = Input("x", tensor("float32", *op.x.type.dims[:2], *map(symbol, names)))  # type: ignore[attr-defined]
    shape = op.replace(x=x).type.dims
    assert tuple(bind(d, sizes) for d in shape) == op.type.dims


def values(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).uniform(-1, 1, shape).astype(np.float32)


@st.composite
def geometry(draw: st.DrawFn, ceil: bool = False) -> dict[str, Any]:
    """Sizes of the input and the attributes of a window op over 1 to 3 axes."""
    rank = draw(st.integers(1, 3))
    each = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(rank))  # noqa: E731
    found = {"sizes": each(1, 9), "kernel": each(1, 4), "strides": each(1, 3), "dilations": each(1, 3)}
    found["auto_pad"] = draw(st.sampled_from(["NOTSET", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if found["auto_pad"].startswith("SAME"):  # onnxruntime pads pools by negative numbers where windows leave gaps
        found["strides"] = tuple(min(s, k + 1) for s, k in zip(found["strides"], found["kernel"], strict=True))
    pads = [draw(st.integers(0, k - 1)) for k in found["kernel"] * 2]
    found["pads"] = tuple(pads) if found["auto_pad"] == "NOTSET" else ()
    found["ceil_mode"] = ceil and found["auto_pad"] == "NOTSET" and draw(st.booleans())
    return found


def attributes(g: dict[str, Any], *names: str) -> dict[str, Any]:
    return {n: g[n] for n in names if g[n] != ()}


def built(make: Any) -> Any:
    """The op, or no example where the window does not fit."""
    try:
        return make()
    except TypeMismatch:
        assume(False)


@settings(deadline=None, max_examples=60)
@given(geometry(), st.sampled_from([(4, 2, 1), (4, 6, 2), (3, 3, 3)]))
def test_conv(g: dict[str, Any], channels: tuple[int, int, int]) -> None:
    c, o, group = channels
    x, w, b = values(2, c, *g["sizes"]), values(o, c // group, *g["kernel"]), values(o)
    given = attributes(g, "strides", "pads", "dilations", "auto_pad")
    op = built(lambda: Conv(Input("x", tensor("float32", *x.shape)), Const(w), Const(b), group=group, **given))
    (y,) = run(op, x, w, b)
    if g["auto_pad"].startswith("SAME") and set(g["dilations"]) != {1}:
        expected = padded_conv(op, x, w, b)  # onnxruntime refuses or ignores the dilation there
    else:
        (expected,) = by_runtime("Conv", {**given, "group": group}, x, w, b)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)
    same_with_symbols(op)


def padded_conv(op: Conv, x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """SAME padding by its definition: ceil(size / stride) windows, the padding split in two."""
    pads: list[int] = []
    for size, k, s, d in zip(x.shape[:1:-1], w.shape[:1:-1], op.strides[::-1], op.dilations[::-1], strict=True):
        total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
        # What auto_pad said is gone from the op; the numbers it left say which side got more.
        pads += [total // 2, total - total // 2]
    rank = x.ndim - 2
    begins, ends = op.pads[:rank][::-1], op.pads[rank:][::-1]
    sides = [p for pair in zip(begins, ends, strict=True) for p in pair]
    assert [sorted(sides[i : i + 2]) for i in range(0, 2 * rank, 2)] == [pads[i : i + 2] for i in range(0, 2 * rank, 2)]
    convolve = (F.conv1d, F.conv2d, F.conv3d)[rank - 1]
    padded = F.pad(torch.from_numpy(x), sides)
    return convolve(padded, torch.from_numpy(w), torch.from_numpy(b), op.strides, 0, op.dilations, op.group).numpy()


@settings(deadline=None, max_examples=60)
@given(geometry(), st.sampled_from([(4, 2, 1), (4, 6, 2), (3, 3, 3)]), st.data())
def test_conv_transpose(g: dict[str, Any], channels: tuple[int, int, int], data: st.DataObject) -> None:
    c, o, group = channels
    x, w, b = values(2, c, *g["sizes"]), values(c, o // group, *g["kernel"]), values(o)
    given = attributes(g, "strides", "pads", "dilations", "auto_pad")
    limits = [max(s, d) - 1 for s, d in zip(g["strides"], g["dilations"], strict=True)]
    given["output_padding"] = tuple(data.draw(st.integers(0, m)) for m in limits)
    op = built(lambda: ConvTranspose(Input("x", tensor("float32", *x.shape)), Const(w), Const(b), group=group, **given))
    assume(min(op.pads) >= 0)  # onnxruntime makes the output smaller than SAME asks for
    (y,) = run(op, x, w, b)
    (expected,) = by_runtime("ConvTranspose", {**given, "group": group}, x, w, b)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)
    same_with_symbols(op)


@settings(deadline=None, max_examples=60)
@given(geometry(), st.data())
def test_conv_transpose_output_shape(g: dict[str, Any], data: st.DataObject) -> None:
    x, w = values(1, 2, *g["sizes"]), values(2, 3, *g["kernel"])
    natural = [
        (n - 1) * s + (k - 1) * d + 1
        for n, s, k, d in zip(g["sizes"], g["strides"], g["kernel"], g["dilations"], strict=True)
    ]
    given = attributes(g, "strides", "dilations")
    given["auto_pad"] = data.draw(st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER"]))
    given["output_shape"] = tuple(data.draw(st.integers(max(1, n - 3), n)) for n in natural)
    op = ConvTranspose(Input("x", tensor("float32", *x.shape)), Const(w), **given)
    (y,) = run(op, x, w)
    (expected,) = by_runtime("ConvTranspose", given, x, w)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


@settings(deadline=None, max_examples=60)
@given(geometry(ceil=True), st.integers(0, 1))
def test_max_pool(g: dict[str, Any], storage_order: int) -> None:
    x = values(2, 3, *g["sizes"])
    given = attributes(g, "strides", "pads", "dilations", "auto_pad")
    given |= {"storage_order": storage_order, "ceil_mode": g["ceil_mode"]}
    make = lambda: MaxPool(Input("x", tensor("float32", *x.shape)), g["kernel"], **given, results_used=2)  # noqa: E731
    op = built(make)
    y, where = run(op, x)
    assume(torch.isfinite(y).all())  # a window that only the padding fills has no maximum
    flat = x.reshape(2 * 3, -1) if storage_order == 0 else x.transpose(0, 1, *range(x.ndim - 1, 1, -1))
    np.testing.assert_array_equal(y, flat.reshape(-1)[where])
    same_with_symbols(op)
    if not (g["auto_pad"].startswith("SAME") and set(g["dilations"]) != {1}):
        given["ceil_mode"] = int(given["ceil_mode"])
        expected, places = by_runtime("MaxPool", {**given, "kernel_shape": g["kernel"]}, x, outputs=2)
        np.testing.assert_array_equal(y, expected)
        if x.ndim == 4 or storage_order == 0:  # onnxruntime orders 1 and 3 axes its own way
            np.testing.assert_array_equal(where, places)


@settings(deadline=None, max_examples=60)
@given(geometry(ceil=True), st.booleans())
def test_average_pool(g: dict[str, Any], count_include_pad: bool) -> None:
    x = values(2, 3, *g["sizes"])
    given = attributes(g, "strides", "pads", "dilations", "auto_pad")
    given |= {"ceil_mode": g["ceil_mode"], "count_include_pad": count_include_pad}
    op = built(lambda: AveragePool(Input("x", tensor("float32", *x.shape)), g["kernel"], **given))
    (y,) = run(op, x)
    np.testing.assert_allclose(y, averages(op, x), rtol=1e-5, atol=1e-6)
    same_with_symbols(op)


def averages(op: AveragePool, x: np.ndarray) -> np.ndarray:
    """The definition, one window at a time."""
    rank = x.ndim - 2
    out = np.zeros(op.type.static)
    for place in np.ndindex(*out.shape[2:]):
        total, count = np.zeros(x.shape[:2]), 0
        for tap in np.ndindex(*op.kernel_shape):
            at = [
                p * s + t * d - b
                for p, s, t, d, b in zip(place, op.strides, tap, op.dilations, op.pads[:rank], strict=True)
            ]
            if all(0 <= i < n for i, n in zip(at, x.shape[2:], strict=True)):
                total, count = total + x[(slice(None), slice(None), *at)], count + 1
            elif op.count_include_pad and all(
                -b <= i < n + e for i, n, b, e in zip(at, x.shape[2:], op.pads[:rank], op.pads[rank:], strict=True)
            ):
                count += 1
        out[(slice(None), slice(None), *place)] = total / max(count, 1)
    return out


@settings(deadline=None, max_examples=60)
@given(geometry(), st.integers(1, 3))
def test_lp_pool(g: dict[str, Any], p: int) -> None:
    assume(g["auto_pad"] == "NOTSET" or set(g["dilations"]) == {1})
    x = values(2, 3, *g["sizes"])
    given = attributes(g, "strides", "pads", "dilations", "auto_pad") | {"p": p}
    op = built(lambda: LpPool(Input("x", tensor("float32", *x.shape)), g["kernel"], **given))
    (y,) = run(op, x)
    (expected,) = by_runtime("LpPool", {**given, "kernel_shape": g["kernel"]}, x)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    same_with_symbols(op)


@pytest.mark.parametrize("dtype", [DType.float16, DType.bfloat16, DType.float64, DType.int8, DType.uint8])
def test_max_pool_dtypes(dtype: DType) -> None:
    x = torch.arange(-20, 22).reshape(1, 1, 6, 7).to(dtype.torch)
    op = MaxPool(Input("x", tensor(dtype, *x.shape)), (3, 2), strides=(2, 2), pads=(1, 0, 2, 1), ceil_mode=True)
    y = op.run(x)
    assert y.dtype is dtype.torch
    wide = MaxPool(Input("x", tensor("float32", *x.shape)), (3, 2), strides=(2, 2), pads=(1, 0, 2, 1), ceil_mode=True)
    assert torch.equal(y.float(), wide.run(x.float()))


def test_four_spatial_axes_are_refused() -> None:
    x = Input("x", tensor("float32", 1, 2, 3, 3, 3, 3))
    with pytest.raises(Unsupported, match="1 to 3 spatial axes, got 4"):
        Conv(x, Const(values(2, 2, 1, 1, 1, 1)))
    with pytest.raises(Unsupported, match="1 to 3 spatial axes, got 4"):
        MaxPool(x, (1, 1, 1, 1))


def test_what_does_not_fit_is_named() -> None:
    x = Input("x", tensor("float32", 1, 4, 5, 5))
    with pytest.raises(TypeMismatch, match="expected 3 input channels, got 4"):
        Conv(x, Const(values(2, 3, 1, 1)))
    with pytest.raises(TypeMismatch, match="a kernel that fits into x"):
        Conv(x, Const(values(2, 4, 6, 1)))
    with pytest.raises(TypeMismatch, match="output channels in 2 groups"):
        Conv(x, Const(values(3, 2, 1, 1)), group=2)
    with pytest.raises(TypeMismatch, match=r"a bias of shape \(2,\)"):
        Conv(x, Const(values(2, 4, 1, 1)), Const(values(3)))
