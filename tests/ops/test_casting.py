"""Cast between all element types agrees with ONNX's reference, and with the table of special values in its text."""

from __future__ import annotations

import itertools
import warnings

import ml_dtypes
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.reference.ops.op_cast import cast_to

from lissom.ir.errors import Unsupported
from lissom.ir.interpreter import evaluate
from lissom.ir.ops import BitCast, Cast
from lissom.ir.samples import sample_graph, value
from lissom.ir.types import Array, DType

NUMBERS = [d for d in DType if d not in (DType.string, DType.unknown, DType.complex64, DType.complex128)]
FLOAT8 = [DType.float8e4m3fn, DType.float8e4m3fnuz, DType.float8e5m2, DType.float8e5m2fnuz]
SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.1,
    -0.3,
    1.5,
    2.5,
    3.0,
    6.0,
    17.0,
    448.0,
    464.0,
    465.0,
    57344.0,
    61440.0,
    7e4,
    1e9,
    -1e9,
]


def cast(x: Array, source: DType, target: DType, saturate: bool = True, round_mode: str = "up") -> Array:
    op = Cast(value("x", *x.shape, dtype=source), target, saturate, round_mode)  # type: ignore[arg-type]
    (y,) = evaluate(sample_graph(op), x)
    assert y.dtype == target.numpy
    return y


def same(a: Array, b: Array) -> None:
    """Equal values, NaN equal to any NaN, and equal signs of zero."""
    wide = (np.float64 if a.dtype.kind in "fV" or "float" in a.dtype.name else None) or a.dtype
    np.testing.assert_array_equal(a.astype(wide), b.astype(wide))
    if wide is np.float64:
        zero = b.astype(wide) == 0
        np.testing.assert_array_equal(np.signbit(a.astype(wide)[zero]), np.signbit(b.astype(wide)[zero]))


def representable(target: DType) -> tuple[float, float]:
    """The range that a float must lie in for its cast to ``target`` to be defined."""
    if not target.is_integer:
        return -np.inf, np.inf
    info = ml_dtypes.iinfo(target.numpy)  # type: ignore[no-untyped-call]
    return float(info.min), float(info.max)


@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(NUMBERS, 2)), ids=lambda d: d.name)
def test_every_pair_of_types(source: DType, target: DType) -> None:
    if DType.float8e8m0fnu in (source, target):
        values = [2.0**e for e in (-3, 0, 1, 4)]
    else:
        values = [v for v in SPECIAL if representable(source)[0] <= v <= representable(source)[1]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = np.array(values).astype(source.numpy)
        low, high = representable(target)
        if source.is_float:  # out of range is undefined for floats
            wide = x.astype(np.float64)
            x = x[(wide >= low) & (wide < high)]
        if source.is_integer and target.is_integer and target.bits < 8:
            mask = (1 << target.bits) - 1  # the reference leaves this to ml_dtypes; ONNX's text says: drop high bits
            same(cast(x, source, target).astype(np.int64) & mask, x.astype(np.int64) & mask)
            return
        # ml_dtypes lacks some conversions among its own types; by way of float64 they are exact.
        known = x.astype(np.float64) if x.dtype.isbuiltin == target.numpy.isbuiltin == 2 else x
        expected = np.asarray(cast_to(known, onnx.helper.np_dtype_to_tensor_dtype(target.numpy), True))
    same(cast(x, source, target), expected)


@pytest.mark.parametrize("target", FLOAT8, ids=lambda d: d.name)
@pytest.mark.parametrize("saturate", [True, False])
def test_float8_of_every_half(target: DType, saturate: bool) -> None:
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = cast_to(x, onnx.helper.np_dtype_to_tensor_dtype(target.numpy), saturate)
    same(cast(x, DType.float16, target, saturate), expected)


@settings(max_examples=300, deadline=None)
@given(st.floats(min_value=0, width=32, exclude_min=True), st.sampled_from(["up", "down", "nearest"]))
def test_power_of_two_is_the_right_neighbour(x: float, mode: str) -> None:
    (y,) = cast(np.array([x], np.float32), DType.float32, DType.float8e8m0fnu, True, mode).astype(np.float64)
    lowest, highest = 2.0**-127, 2.0**127
    if x <= lowest or x >= highest or np.isinf(x):
        assert y == min(max(x, lowest), highest)
    elif mode == "up":
        assert y / 2 < x <= y
    elif mode == "down":
        assert y <= x < 2 * y
    else:
        assert 0.75 * y <= x < 1.5 * y


def test_power_of_two_special_values() -> None:
    x = np.array([0.0, np.nan, np.inf, 3.4e38, 1e-45], np.float32)
    kept = cast(x, DType.float32, DType.float8e8m0fnu, True, "up").view(np.uint8)
    assert kept.tolist() == [0, 255, 254, 254, 0]
    strict = cast(x, DType.float32, DType.float8e8m0fnu, False, "nearest").view(np.uint8)
    assert strict.tolist() == [255] * 5


@pytest.mark.parametrize(
    ("source", "target"), [(a, b) for a in NUMBERS for b in NUMBERS if a.bits == b.bits and a != b]
)
def test_bit_cast_there_and_back(source: DType, target: DType) -> None:
    if DType.bool in (source, target):
        x = np.array([0, 1, 1, 0]).astype(source.numpy)
    else:
        count = 1 << min(source.bits, 8)
        codes = np.resize(np.arange(count, dtype=np.uint8), count * max(1, source.bits // 8))
        x = np.random.default_rng(0).permutation(codes).view(source.numpy)
    there = BitCast(value("x", *x.shape, dtype=source), target)
    (y,) = evaluate(sample_graph(there), x)
    if source.bits >= 8:
        assert y.tobytes() == x.tobytes()
    else:
        mask = (1 << source.bits) - 1
        assert (y.view(np.uint8) & mask).tolist() == (x.view(np.uint8) & mask).tolist()


def test_strings_are_refused() -> None:
    with pytest.raises(Unsupported, match="string"):
        cast(np.array([1.5], np.float32), DType.float32, DType.string)
