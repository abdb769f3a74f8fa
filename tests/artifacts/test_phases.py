"""Transposed convolutions become convolutions, which mean the same to the last bit, whatever their geometry."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import lissom as ls
from lissom.backends.c.lower import lower
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.qlinear_conv_transpose import QLinearConvTranspose
from lissom.ir.samples import int8_triple, literal, random_array, weight
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Const, Value


@st.composite
def geometries(draw: Any) -> tuple[list[int], list[int], dict[str, Any]]:
    """Sizes of x and of the kernel, and attributes: pads may be negative, or wider than the kernel."""
    rank = draw(st.integers(1, 3))

    def numbers(low: int, high: int, count: int = rank) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(count))

    strides, dilations = numbers(1, 4), numbers(1, 3)
    more = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(strides, dilations, strict=True))
    group = draw(st.sampled_from([1, 1, 2]))
    geometry = {"strides": strides, "dilations": dilations, "output_padding": more, "group": group}
    return list(numbers(1, 6)), list(numbers(1, 5)), {**geometry, "pads": numbers(-1, 3, 2 * rank)}


def integer(x: Value, kernel: list[int], outputs: int, attributes: dict[str, Any]) -> QLinearConvTranspose:
    """Weights of one scale, or of one a channel, with zero points."""
    w = random_array("w", (x.type.static[1], outputs, *kernel), DType.int8, -128, 128)  # type: ignore[index]
    each = (outputs,) if attributes["group"] == 1 else ()
    scale = Const(random_array("s", each, DType.float32, 0.001, 0.1), "sw")
    zero = Const(random_array("z", each, DType.int8, -3, 4), "zw")
    bias = Const(random_array("b", (outputs * attributes["group"],), DType.int32, -500, 500), "b")
    _, *of_x = int8_triple("x", 1)
    y = (literal("sy", 0.5, DType.float32), literal("zy", -9, DType.int8))
    return QLinearConvTranspose(x, *of_x, Const(w, "w"), scale, zero, *y, bias, **attributes)


@settings(deadline=None, max_examples=80)
@given(geometries(), st.integers(1, 3), st.booleans())
def test_the_convolution_means_the_same(
    geometry: tuple[list[int], list[int], dict[str, Any]], channels: int, quantized: bool
) -> None:
    sizes, kernel, attributes = geometry
    shape, group = (2, channels * attributes["group"], *sizes), attributes["group"]
    dtype = DType.int8 if quantized else DType.float32
    graph = Graph("one")
    x = graph.input("x", TensorType(dtype, shape))
    data = random_array("x", shape, dtype, *((-128, 128) if quantized else ()))
    try:
        if quantized:
            op: Any = integer(x, kernel, 3, attributes)
        else:
            op = ConvTranspose(x, weight("w", shape[1], 3, *kernel), weight("b", 3 * group), **attributes)
        graph.append(op)
        graph.set_outputs({"y": op})
        (expected,) = ls.evaluate(graph, data)
    except Error:
        assume(False)  # pads that leave nothing
    lowered = lower(graph)
    assert not any(isinstance(op, ConvTranspose | QLinearConvTranspose) for op in lowered.ops)
    (y,) = ls.evaluate(lowered, data)
    if quantized:
        np.testing.assert_array_equal(y, expected)
    else:
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_computed_weights_stay_a_transposed_convolution() -> None:
    graph = Graph("one")
    x, w = (graph.input(n, TensorType(DType.float32, s)) for n, s in (("x", (1, 2, 4)), ("w", (2, 3, 3))))
    graph.append(ConvTranspose(x, w, strides=(2,)))
    graph.set_outputs({"y": graph.ops[-1]})
    assert [op.op_type for op in lower(graph).ops] == ["ConvTranspose"]
