"""Layers solved one after the other, against numpy's lstsq applied by hand to the input each of them has by then."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lissom.ir.dims import symbol
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.types import tensor
from lissom.ir.values import Const, Value
from lissom.passes.data import Data
from lissom.passes.prune.recover import recover_weights

WIDTHS = (8, 6, 5, 3)
KEPT = 6


def constants(seed: int) -> list[Const]:
    rng = np.random.default_rng(seed)
    sizes = pairwise(WIDTHS)
    return [Const(rng.standard_normal(size).astype(np.float32), f"w{i}") for i, size in enumerate(sizes)]


def product(kind: type[Op], x: Value, w: Const) -> Op:
    return kind(x, w)


def fitted(a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What the best weights and bias make of ``a``."""
    wide = np.c_[a, np.ones(len(a))]
    return wide @ np.linalg.lstsq(wide, y, rcond=None)[0]


@pytest.mark.parametrize("first", [Gemm, MatMul])
@pytest.mark.parametrize("second", [Gemm, MatMul])
def test_a_layer_sees_what_the_layer_right_before_it_was_solved_to(first: type[Op], second: type[Op]) -> None:
    kinds = (first, second, first)
    x = np.random.default_rng(1).standard_normal((400, WIDTHS[0])).astype(np.float32)
    x[:, KEPT:] += 0.5 * x[:, :1]
    graph = Graph("chain")
    v: Value = graph.input("x", tensor("float32", symbol("N"), WIDTHS[0]))
    for kind, w in zip(kinds, constants(0), strict=True):
        v = product(kind, v, w)
    graph.set_outputs({"y": graph.append(v)})
    original, copies = graph.clone_with_map()
    head = graph.ops[0]
    masked = head._on(
        {head.operands[0]: Mask(head.operands[0], Const(np.arange(8) < KEPT)), head.operands[1]: head.operands[1]}
    )
    graph.replace(head, masked)
    recover_weights(
        original,
        graph,
        {c: masked if v is head else v for v, c in copies.items()},
        Data([x], graph),
        samples=400,
        ridge=1e-9,
    )
    want, seen = x.astype(np.float64), x[:, :KEPT].astype(np.float64)
    for w in constants(0):
        want = want @ w.data
        seen = fitted(seen, want)
    np.testing.assert_allclose(evaluate(graph, x)[0], seen, rtol=1e-3, atol=1e-3)
    assert np.abs(want - seen).max() > 0.1, "or there was nothing to make up for"


def test_the_end_of_a_branch_makes_up_for_what_the_skip_lost() -> None:
    """x + w2(w1(x)) with inputs of w1 gone from both sides: the sum is what is solved for."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 6)).astype(np.float32)
    graph = Graph("residual")
    given = graph.input("x", tensor("float32", symbol("N"), 6))
    w, skip = (Const(rng.standard_normal((6, 6)).astype(np.float32)) for _ in range(2))
    left, right = MatMul(given, skip), Gemm(given, w)
    graph.set_outputs({"y": graph.append(Add(left, right))})
    original, copies = graph.clone_with_map()
    keep = Const(np.array([True] * 4 + [False] * 2))
    stands = dict(zip(copies.values(), copies, strict=True))
    for op in (left, right):
        new = op._on({given: Mask(given, keep), **{c: c for c in op.operands if c is not given}})
        graph.replace(op, new)
        stands[copies[op]] = new
    recover_weights(original, graph, stands, Data([x], graph), samples=300, ridge=1e-9)
    seen = x[:, :4].astype(np.float64)
    want = fitted(seen, x.astype(np.float64) @ (skip.data + w.data))
    np.testing.assert_allclose(evaluate(graph, x)[0], want, rtol=1e-3, atol=1e-3)
