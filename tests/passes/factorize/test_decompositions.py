"""The decompositions on arrays, against exact low-rank tensors, direct sums and what numpy says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.passes.factorize.chain import Piece, compose
from lissom.passes.factorize.cp import cp, rebuild
from lissom.passes.factorize.spatial import spatial_svd, unfold
from lissom.passes.factorize.svd import lost, svd
from lissom.passes.factorize.tucker import mode_losses, tucker2
from lissom.passes.factorize.vbmf import vbmf_rank

SIZES = st.integers(1, 6)
SEEDS = st.integers(0, 10**6)


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@settings(max_examples=30, deadline=None)
@given(SIZES, SIZES, st.integers(1, 6), SEEDS)
def test_svd_is_the_best_of_its_rank(m: int, n: int, rank: int, seed: int) -> None:
    a, rank = normal(seed, m, n), min(rank, m, n)
    left, right = svd(a, rank)
    tail = np.linalg.svd(a, compute_uv=False)[rank:]
    assert left.shape == (m, rank)
    assert np.square(a - left @ right).sum() == pytest.approx(np.square(tail).sum(), abs=1e-9)
    assert lost(a)[rank] == pytest.approx(np.square(tail).sum() / np.square(a).sum(), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(2, 6), SEEDS)
def test_data_aware_svd_is_the_best_on_the_outputs(m: int, n: int, seed: int) -> None:
    """No worse than the exact answer of reduced-rank regression, a truncated SVD of the outputs themselves."""
    a, x = normal(seed, m, n), normal(seed + 1, n, n) @ normal(seed + 2, n, 50)
    y = a @ x
    for rank in range(1, min(m, n)):
        left, right = svd(a, rank, y @ y.T / 50)
        missing = np.square(y - left @ right @ x).sum()
        best = np.square(np.linalg.svd(y, compute_uv=False)[rank:]).sum()
        assert missing == pytest.approx(best, rel=1e-6, abs=1e-8)
        plain_left, plain_right = svd(a, rank)
        assert missing <= np.square(y - plain_left @ plain_right @ x).sum() + 1e-8


@settings(max_examples=30, deadline=None)
@given(SIZES, SIZES, st.integers(1, 4), st.integers(1, 4), SEEDS)
def test_spatial_svd_is_exact_at_full_rank(o: int, i: int, h: int, w: int, seed: int) -> None:
    kernel = normal(seed, o, i, h, w)
    full = min(i * h, o * w)
    first, second = spatial_svd(kernel, full)
    assert first.shape == (full, i, h, 1)
    assert second.shape == (o, full, 1, w)
    np.testing.assert_allclose(np.einsum("rihx,orxw->oihw", first, second), kernel, atol=1e-9)


def test_spatial_svd_finds_a_separable_kernel() -> None:
    kernel = np.einsum("rih,orw->oihw", normal(0, 2, 5, 3), normal(1, 7, 2, 3))
    first, second = spatial_svd(kernel, 2)
    np.testing.assert_allclose(np.einsum("rihx,orxw->oihw", first, second), kernel, atol=1e-9)
    assert lost(unfold(kernel))[2] < 1e-20


@pytest.mark.parametrize("taps", [(3, 3), (5,), (2, 3, 2)])
def test_tucker_finds_an_exact_core(taps: tuple[int, ...]) -> None:
    core, left, right = normal(0, 3, 2, *taps), normal(1, 8, 3), normal(2, 2, 6)
    kernel = np.moveaxis(np.tensordot(np.tensordot(left, core, (1, 0)), right, (1, 0)), -1, 1)
    u, c, v = tucker2(kernel, 3, 2)
    assert (u.shape, c.shape, v.shape) == ((8, 3), (3, 2, *taps), (2, 6))
    np.testing.assert_allclose(
        np.moveaxis(np.tensordot(np.tensordot(u, c, (1, 0)), v, (1, 0)), -1, 1), kernel, atol=1e-9
    )
    outputs, inputs = mode_losses(kernel)
    assert outputs[3] + inputs[2] < 1e-20
    assert outputs[2] > 1e-3


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), SEEDS)
def test_tucker_loses_no_more_than_the_bound(ro: int, ri: int, seed: int) -> None:
    kernel = normal(seed, 6, 6, 3, 3)
    u, c, v = tucker2(kernel, ro, ri)
    missing = np.square(kernel - np.einsum("oa,abhw,bi->oihw", u, c, v)).sum() / np.square(kernel).sum()
    outputs, inputs = mode_losses(kernel)
    assert missing <= outputs[ro] + inputs[ri] + 1e-9
    assert missing >= max(outputs[ro], inputs[ri]) - 1e-9


@pytest.mark.parametrize("shape", [(8, 6, 3, 3), (7, 5, 3), (4, 4)])
def test_cp_finds_the_components(shape: tuple[int, ...]) -> None:
    truth = [normal(i, n, 2) for i, n in enumerate(shape)]
    tensor = rebuild(truth)
    letters = "abcd"[: len(shape)]
    brute = np.einsum(",".join(f"{c}r" for c in letters) + "->" + letters, *truth)
    np.testing.assert_allclose(tensor, brute, atol=1e-12)
    found = cp(tensor, 2, iterations=500)
    assert np.square(rebuild(found) - tensor).sum() < 1e-3 * np.square(tensor).sum()


def test_cp_of_more_components_loses_less() -> None:
    tensor = normal(0, 8, 8, 3, 3)
    errors = [np.square(rebuild(cp(tensor, r)) - tensor).sum() for r in (1, 8, 24, 72)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01 * np.square(tensor).sum()


@pytest.mark.parametrize("rank", [0, 1, 5, 12])
@pytest.mark.parametrize("shape", [(40, 60), (60, 40), (50, 50)])
def test_vbmf_finds_the_rank_behind_noise(rank: int, shape: tuple[int, int]) -> None:
    signal = normal(1, shape[0], rank) @ normal(2, rank, shape[1])
    assert vbmf_rank(signal + 0.3 * normal(3, *shape)) == rank


@pytest.mark.parametrize("rank", [1, 4])
def test_vbmf_of_a_matrix_without_noise(rank: int) -> None:
    assert vbmf_rank(normal(1, 20, rank) @ normal(2, rank, 30)) == rank


def test_vbmf_of_degenerate_matrices() -> None:
    assert vbmf_rank(np.zeros((4, 5))) == 0
    assert vbmf_rank(np.ones((1, 5))) == 1


def test_grouped_pieces_compose_as_dense_ones() -> None:
    """compose() is the convolution of the chain: against a sum over all middle channels."""
    a, b = normal(0, 4, 3, 3, 1), normal(1, 6, 2, 1, 5)
    brute = np.zeros((6, 3, 3, 5))
    for o in range(6):
        for m in range(2):
            brute[o] += a[o // 3 * 2 + m] * b[o, m]
    np.testing.assert_allclose(compose([Piece(a, (0,)), Piece(b, (1,), 2)]), brute, atol=1e-12)
