"""Sparse weights: counts by brute force, surgery against direct solves, zeros that stay, and files that shrink."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lissom as ls
from lissom.backends.c.host import missing
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.ops.sparse import Sparse
from lissom.ir.types import tensor
from lissom.ir.values import Const
from lissom.passes.sparsify.layers import arranged, put_back
from lissom.passes.sparsify.pattern import Pattern, lowest, parse
from lissom.passes.sparsify.surgeon import brain_surgeon, sparse_gpt

RNG = np.random.default_rng(0)
DATA = [RNG.standard_normal((16, 6, 8, 8), np.float32)]


def net() -> Graph:
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(6, 8, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 16, 1),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(16, 10),
    )
    batch = {0: torch.export.Dim.DYNAMIC}
    return ls.from_torch(module.eval(), (torch.zeros(2, 6, 8, 8),), dynamic_shapes=(batch,))


def masks(graph: Graph) -> list[Any]:
    """What each layer keeps, as (outputs, taps, channels)."""
    found = []
    for op in graph.ops:
        if len(op.operands) > 1 and isinstance(w := op.operands[1], Mask) and isinstance(w.keep, Const):
            found.append(arranged(op, w.keep.data))
    return found


@given(
    st.integers(1, 9), st.integers(1, 3), st.integers(1, 17), st.integers(1, 4), st.integers(1, 5), st.integers(0, 9)
)
def test_blocks_are_means_over_their_weights(o: int, t: int, c: int, r: int, w: int, seed: int) -> None:
    scores = np.random.default_rng(seed).random((o, t, c))
    pattern = Pattern(r, w)
    blocks = pattern.of_blocks(scores)
    for i, tap, j in np.ndindex(*blocks.shape):
        inside = scores[i * r : (i + 1) * r, tap, j * w : (j + 1) * w]
        assert np.isclose(blocks[i, tap, j], inside.mean())
    kept = lowest(blocks, blocks.size // 2)
    assert (~kept).sum() == blocks.size // 2
    spread = pattern.spread(kept, scores.shape)
    for i, tap, j in np.ndindex(*scores.shape):
        assert spread[i, tap, j] == kept[i // r, tap, j // w]


@given(st.integers(1, 5), st.integers(1, 14), st.sampled_from([(1, 2), (2, 4), (1, 4), (4, 8)]), st.integers(0, 99))
def test_n_of_m_keeps_the_best(rows: int, channels: int, nm: tuple[int, int], seed: int) -> None:
    scores = np.random.default_rng(seed).random((rows, 2, channels))
    kept = Pattern(channels=nm[1], most=nm[0]).best(scores)
    for i, tap in np.ndindex(rows, 2):
        for first in range(0, channels, nm[1]):
            group, stays = scores[i, tap, first : first + nm[1]], kept[i, tap, first : first + nm[1]]
            assert stays.sum() == min(nm[0], len(group))
            assert group[stays].sum() == pytest.approx(np.sort(group)[-nm[0] :].sum())


def problem(rows: int, inputs: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((4 * inputs, inputs)) @ rng.standard_normal((inputs, inputs))
    return rng.standard_normal((rows, inputs)), x.T @ x / len(x)


def loss(change: Any, h: Any) -> float:
    return float(np.einsum("ri,ij,rj->", change, h, change))


def solved(row: Any, h: Any, kept: Any) -> Any:
    """The best values of the weights that stay, by a direct solve."""
    best = np.zeros_like(row)
    best[kept] = np.linalg.solve(h[np.ix_(kept, kept)], (h @ row)[kept])
    return best


@pytest.mark.parametrize("pattern", [Pattern(), Pattern(1, 4), Pattern(channels=4, most=2), Pattern(1, 3)], ids=str)
def test_brain_surgeon_leaves_the_best_values(pattern: Pattern) -> None:
    w, h = problem(3, 16, 1)
    new, kept = brain_surgeon(w, h, 2, pattern, 0.5)
    for row, got, stays in zip(w, new, kept, strict=True):
        np.testing.assert_allclose(got, solved(row, h, stays), atol=1e-8)
    assert not new[~kept].any()


def test_the_first_weight_to_go_is_the_one_that_costs_least() -> None:
    w, h = problem(4, 9, 2)
    _, kept = brain_surgeon(w, h, 1, Pattern(), 1 / 9)
    for row, stays in zip(w, kept, strict=True):
        costs = []
        for i in range(9):
            rest = np.arange(9) != i
            costs.append(loss((solved(row, h, rest) - row)[None], h))
        assert np.flatnonzero(~stays).tolist() == [int(np.argmin(costs))]


@pytest.mark.parametrize("pattern", [Pattern(), Pattern(1, 4), Pattern(4, 1), Pattern(channels=4, most=2)], ids=str)
def test_sparse_gpt_makes_up_for_what_goes(pattern: Pattern) -> None:
    """Better than leaving the others alone, and no better than a direct solve for the same mask."""
    w, h = problem(8, 32, 3)
    new, kept = sparse_gpt(w, h, 2, pattern, 0.5)
    assert abs(kept.mean() - 0.5) < 0.01
    assert loss(new - w, h) < loss(w * kept - w, h)
    best = np.stack([solved(row, h, stays) for row, stays in zip(w, kept, strict=True)])
    assert loss(best - w, h) <= loss(new - w, h) * (1 + 1e-9)
    assert not new[~kept].any()


def test_two_of_four_is_near_the_best_of_all() -> None:
    """Against every choice of two of four, each solved directly."""
    w, h = problem(5, 4, 4)
    found = [f(w, h, 1, Pattern(channels=4, most=2), 0.0)[0] for f in (sparse_gpt, brain_surgeon)]
    for i, row in enumerate(w):
        every = [
            loss((solved(row, h, np.isin(np.arange(4), pair)) - row)[None], h) for pair in combinations(range(4), 2)
        ]
        for new in found:
            assert min(every) * (1 - 1e-9) <= loss((new[i] - row)[None], h) <= max(every)


@pytest.mark.parametrize("criterion", ["magnitude", "wanda", "sparsegpt", "obc"])
@pytest.mark.parametrize("pattern", ["0.5", "0.5, block='1x4'", "nm='2:4'"])
def test_graphs_get_masks(criterion: str, pattern: str) -> None:
    graph = ls.run(f"sparsify({pattern}, criterion={criterion})", net(), data=DATA)
    found = masks(graph)
    assert len(found) == 3
    for kept in found:
        if "4" in pattern:
            assert 0.45 <= 1 - kept.mean() <= 0.55 or kept.shape[2] == 6
        if "block" in pattern:
            for first in range(0, kept.shape[2], 4):
                group = kept[..., first : first + 4]
                assert (group.all(-1) | ~group.any(-1)).all()
        elif "nm" in pattern:
            for first in range(0, kept.shape[2], 4):
                assert (kept[..., first : first + 4].sum(-1) <= 2).all()


def test_wanda_weighs_by_what_comes_in() -> None:
    """Of a convolution the products of weight and input norm, over windows cut out by PyTorch, are ranked together."""
    x = DATA[0] * np.array([1, 4, 0.2, 2, 1, 0.5], np.float32)[:, None, None]
    graph = ls.run("sparsify(0.5, criterion=wanda, columns=100000)", net(), data=[x])
    op = next(op for op in graph.ops if isinstance(op, Mask))
    windows = torch.nn.functional.unfold(torch.from_numpy(x), 3, padding=1)
    norms = windows.pow(2).mean((0, 2)).sqrt().numpy().reshape(6, 3, 3)
    scores, kept = np.abs(op.x.data) * norms, op.keep.data
    assert kept.sum() == kept.size // 2
    assert scores[~kept].max() <= scores[kept].min()


def test_global_takes_from_all_layers_together() -> None:
    graph = ls.run("sparsify(0.5, scope=global)", net())
    weights = np.concatenate([np.abs(op.x.data).reshape(-1) for op in graph.ops if isinstance(op, Mask)])
    kept = np.concatenate([op.keep.data.reshape(-1) for op in graph.ops if isinstance(op, Mask)])
    assert weights[~kept].max() <= weights[kept].min()
    assert (~kept).sum() == round(0.5 * kept.size)


def test_zeros_stay_through_training_and_quantization(tmp_path: Path) -> None:
    passes = "sparsify(0.75, block='1x4', exclude=[last]), distill(epochs=1, batch=8), quantize(int8)"
    graph = ls.run(passes, net(), data=DATA)
    for op in graph.ops:
        if isinstance(op, QLinearConv):
            assert (op.w.data == 0).mean() >= 0.7
    stored = ls.run("store_sparse", graph)
    assert sum(isinstance(op, Sparse) for op in stored.ops) == 2
    (plain,), (sparse,) = ls.evaluate(graph, *DATA), ls.evaluate(stored, *DATA)
    assert plain.tobytes() == sparse.tobytes()
    report = ls.emit(stored, tmp_path / "out", target="avx512vnni", name="net")
    assert any("sparse" in entry["kernel"] for entry in report["layers"])
    if not missing("avx512vnni"):
        assert ls.Artifact(tmp_path / "out").run(DATA[0])[0].tobytes() == plain.tobytes()
    report = ls.emit(stored, tmp_path / "out", target="portable", name="net")
    assert any("not zero" in entry.get("remark", "") for entry in report["layers"])
    assert ls.Artifact(tmp_path / "out").run(DATA[0])[0].tobytes() == plain.tobytes()


def test_float_weights_are_stored_without_zeros(tmp_path: Path) -> None:
    graph = ls.run("sparsify(0.9)", net())
    stored = ls.run("store_sparse", graph)
    assert any(isinstance(op, Sparse) for op in stored.ops)
    for op, now in zip(graph.ops, stored.ops, strict=False):
        assert op.op_type == now.op_type or (op.op_type, now.op_type) == ("Mask", "Sparse")
    np.testing.assert_allclose(ls.evaluate(graph, *DATA)[0], ls.evaluate(stored, *DATA)[0], rtol=1e-5, atol=1e-6)
    assert not any(isinstance(op, Mask) for op in stored.ops)


@given(st.integers(1, 5), st.integers(1, 5), st.sampled_from([(), (3,), (2, 3)]), st.integers(0, 9))
def test_arranging_can_be_undone(o: int, c: int, kernel: tuple[int, ...], seed: int) -> None:
    w = np.random.default_rng(seed).random((o, c, *kernel))
    graph = Graph("g")
    x = graph.input("x", tensor("float32", 1, c, *[4] * max(1, len(kernel))))
    op = graph.append(Conv(x, Const(w.reshape(o, c, *(kernel or (1,))).astype(np.float32))))
    rows = arranged(op, w.reshape(op.w.type.static))
    assert rows.shape == (o, int(np.prod(kernel)), c)
    np.testing.assert_array_equal(put_back(op, rows, w.shape), w)


@pytest.mark.parametrize(
    ("passes", "message"),
    [
        ("sparsify", "an amount"),
        ("sparsify(0.5, nm='2:4')", "not both"),
        ("sparsify(1.0)", "below 1"),
        ("sparsify(nm='4:2')", "no pattern"),
        ("sparsify(0.5, block='1:4')", "no pattern"),
        ("sparsify(0.5, block='4x4', criterion=obc)", "row by row"),
        ("sparsify(0.5, criterion=wanda)", "needs data"),
        ("sparsify(0.5, criterion=wanda, scope=global)", "scope=global"),
        ("sparsify(0.5, block='1x64')", "no layer"),
    ],
)
def test_what_cannot_be_is_refused(passes: str, message: str) -> None:
    with pytest.raises(Error, match=message):
        ls.run(passes, net())
    assert str(parse(None, "1x4")) == "1x4"
