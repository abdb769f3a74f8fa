"""Ranges from batches, and the grids made of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.ir.errors import DataError
from lissom.ir.quantization import RANGES
from lissom.ir.types import DType
from lissom.passes.quantize.histogram import Histogram
from lissom.passes.quantize.observers import Observer
from lissom.passes.quantize.scales import affine, symmetric


def seen(observer: Observer, *batches: list[float] | np.ndarray) -> Observer:
    for b in batches:
        observer.see(torch.tensor(np.asarray(b, np.float32)), "v")
    return observer


def test_minmax_is_the_extremes_of_all_batches_and_zero() -> None:
    assert seen(Observer(), [0.5, 2.0], [1.0, 3.0]).range() == (0.0, 3.0)
    assert seen(Observer(), [-1.0, 2.0], [-4.0]).range() == (-4.0, 2.0)


def test_percentile_agrees_with_numpy_within_two_bins() -> None:
    rng = np.random.default_rng(0)
    batches = [rng.normal(size=5000) * width for width in (1.0, 0.2, 3.0)]
    low, high = seen(Observer("percentile", 99.0), *batches).range()
    expected = np.percentile(np.concatenate(batches), [0.5, 99.5])
    widest = max(np.abs(b).max() for b in batches)
    np.testing.assert_allclose([low, high], expected, atol=4 * 4 * widest / Histogram.BINS)


def test_percentile_cuts_an_outlier_that_minmax_keeps() -> None:
    values = np.r_[np.random.default_rng(0).uniform(-1, 1, 100_000), 1000.0]
    assert seen(Observer(), values).range()[1] == 1000.0
    assert seen(Observer("percentile", 99.9), values).range()[1] < 2.0


def test_nothing_is_lost_when_the_histogram_widens() -> None:
    observer = seen(Observer("percentile", 99.9), np.full(7, 0.1), np.full(11, 5.0), np.full(13, -300.0))
    assert observer.histogram is not None
    assert observer.histogram.counts.sum() == 31


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_are_named(bad: float) -> None:
    with pytest.raises(DataError, match="NaN or Inf at 'v'"):
        seen(Observer(), [1.0, bad])


bounds = st.floats(-1e6, 1e6, width=32)


@settings(max_examples=200, deadline=None)
@given(bounds, bounds, st.sampled_from([DType.int8, DType.uint8]))
def test_affine_grids_hold_zero_exactly_and_cover_the_range(a: float, b: float, dtype: DType) -> None:
    low, high = min(a, b, 0.0), max(a, b, 0.0)
    scale, zero_point = affine((low, high), dtype)
    q_low, q_high = RANGES[dtype]
    assert scale.dtype == np.float32
    assert scale > 0
    assert zero_point.dtype == dtype.numpy
    assert q_low <= int(zero_point) <= q_high
    slack = 0.51 * float(scale)  # the zero point is rounded
    assert (q_low - int(zero_point)) * float(scale) <= low + slack
    assert (q_high - int(zero_point)) * float(scale) >= high - slack


def test_a_value_that_is_always_zero_gets_scale_one() -> None:
    scale, zero_point = affine((0.0, 0.0), DType.int8)
    assert (float(scale), int(zero_point)) == (1.0, -128)
    np.testing.assert_array_equal(symmetric(np.zeros((2, 3), np.float32), 0), [1.0, 1.0])


def test_symmetric_scales_map_the_largest_magnitude_to_127() -> None:
    w = np.array([[1.0, -2.54], [0.127, 0.0]], np.float32)
    np.testing.assert_allclose(symmetric(w, 0), [0.02, 0.001], rtol=1e-6)
    np.testing.assert_allclose(symmetric(w, None), 0.02, rtol=1e-6)
