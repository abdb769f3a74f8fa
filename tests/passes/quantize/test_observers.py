"""Ranges from batches, and the grids made of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.ir.errors import DataError
from lissom.ir.families.quantization import RANGES
from lissom.ir.types import DType
from lissom.passes.quantize.histogram import Histogram
from lissom.passes.quantize.observers import Observer
from lissom.passes.quantize.scales import affine, least_squares, symmetric, weight_limits


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


def cost_of(values: np.ndarray, low: float, high: float) -> float:
    """The squared error of 255 steps between two limits, by computing it."""
    step = (high - low) / 255
    q = np.clip(np.round(values / step), np.round(low / step), np.round(high / step)) * step
    return float(np.square(q - values).sum())


@pytest.mark.parametrize("tail", [0.0, 5.0, 50.0])
@pytest.mark.parametrize("one_sided", [False, True])
def test_squared_error_finds_limits_near_the_best(tail: float, one_sided: bool) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=20_000)
    values[:20] *= tail or 1.0
    values = np.maximum(values, 0) if one_sided else values
    low, high = seen(Observer("mse"), values).range()
    ends = np.linspace(0.02, 1, 50)
    best = min(cost_of(values, a * values.min(), b * values.max()) for a in ends for b in ends)
    assert cost_of(values, low, high) <= 1.15 * best
    assert cost_of(values, low, high) <= cost_of(values, values.min(), values.max()) * 1.01


def test_entropy_cuts_a_long_thin_tail_and_keeps_a_full_one() -> None:
    rng = np.random.default_rng(0)
    thin = np.r_[rng.normal(size=50_000), rng.uniform(-60, 60, 50)]
    assert seen(Observer("entropy"), thin).range()[1] < 20
    full = rng.uniform(-1, 1, 50_000)
    assert seen(Observer("entropy"), full).range()[1] > 0.9


def test_a_moving_average_forgets_the_first_batch_slowly() -> None:
    observer = seen(Observer("average"), [10.0], *([[1.0]] * 3))
    assert observer.range() == (0.0, pytest.approx(0.9**3 * 10 + (1 - 0.9**3) * 1))


@pytest.mark.parametrize("method", ["minmax", "average", "percentile", "mse", "entropy"])
def test_constant_and_empty_data_have_a_range(method: str) -> None:
    assert seen(Observer(method), [0.0, 0.0]).range() == (0.0, 0.0)  # type: ignore[arg-type]
    low, high = seen(Observer(method), [3.0] * 50).range()  # type: ignore[arg-type]
    assert low == 0.0
    assert high == pytest.approx(3.0, rel=0.02)
    assert seen(Observer(method), np.zeros((0, 3))).range() == (0.0, 0.0)  # type: ignore[arg-type]


def test_symmetric_grids_have_zero_in_the_middle() -> None:
    scale, zero_point = affine((-1.0, 4.0), DType.int8, symmetric=True)
    assert (float(scale), int(zero_point)) == (pytest.approx(4 / 127), 0)
    assert int(affine((0.0, 4.0), DType.uint8, symmetric=True)[1]) == 128


@pytest.mark.parametrize("bounds", [(-1e-42, 1e-42), (0.0, 1e-38), (-3e38, 3e38), (0.0, 0.0)])
def test_ranges_at_the_ends_of_float32_give_a_usable_scale(bounds: tuple[float, float]) -> None:
    scale, zero_point = affine(bounds, DType.int8)
    assert np.isfinite(scale)
    assert scale > 0
    assert -128 <= int(zero_point) <= 127


def test_a_range_that_is_not_finite_is_refused() -> None:
    with pytest.raises(DataError, match="cannot be quantized"):
        affine((0.0, float("inf")), DType.int8)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([DType.int8, DType.int4, DType.int2]))
def test_scales_by_squared_error_are_at_least_as_good_as_extremes(seed: int, dtype: DType) -> None:
    w = np.random.default_rng(seed).standard_t(3, (4, 30)).astype(np.float32)
    low, high = weight_limits(dtype)

    def lost(scale: np.ndarray) -> np.ndarray:
        s = scale[:, None]
        return np.square(np.clip(np.round(w / s), low, high) * s - w).sum(1)

    assert np.all(lost(least_squares(w, 0, low, high)) <= lost(symmetric(w, 0, high)) * (1 + 1e-5))
