"""Least-squares recovery against numpy's lstsq, where it can be exact, and on a trained network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lissom as ls
from lissom.ir.dims import symbol
from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.relu import Relu
from lissom.ir.types import tensor
from lissom.ir.values import Const
from lissom.passes.data import Data
from lissom.passes.least_squares.equations import Equations
from lissom.passes.prune import mask
from lissom.passes.prune.recover import recover_weights

EXAMPLES = Path(__file__).parents[3] / "examples"


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(10, 40), st.integers(0, 1000))
def test_without_ridge_it_is_least_squares_with_a_bias(inputs: int, outputs: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, y = rng.standard_normal((rows, inputs)), rng.standard_normal((rows, outputs))
    equations = Equations(1, inputs, outputs)
    for part in np.array_split(np.arange(rows), 3):
        equations.add(a[None, part], y[None, part])
    change, shift = equations.solved(0.0)
    expected = np.linalg.lstsq(np.c_[a, np.ones(rows)], y, rcond=None)[0]
    np.testing.assert_allclose(np.r_[change[0], shift], expected, rtol=1e-6, atol=1e-8)


def test_inputs_that_are_never_seen_keep_their_weights() -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((1, 30, 4))
    a[:, :, 2] = 0
    equations = Equations(1, 4, 2)
    equations.add(a, rng.standard_normal((1, 30, 2)))
    change, _ = equations.solved(1e-3)
    assert (change[0, 2] == 0).all()
    assert (change[0, [0, 1, 3]] != 0).all()


def test_a_linear_combination_of_others_is_recovered_exactly() -> None:
    """A removed input that the ones left determine costs nothing: weights and bias take it over."""
    rng = np.random.default_rng(0)
    base = rng.standard_normal((200, 5)).astype(np.float32)
    x = np.c_[base, base @ rng.standard_normal((5, 1)) + 3].astype(np.float32)
    graph = Graph("g")
    given_x = graph.input("x", tensor("float32", 200, 6))
    w = rng.standard_normal((6, 4)).astype(np.float32)
    graph.set_outputs({"y": graph.append(Gemm(given_x, Const(w), Const(np.zeros(4, np.float32))))})
    original, copies = graph.clone_with_map()
    (gemm,) = graph.ops
    masked = gemm.replace(a=Mask(given_x, Const(np.array([True] * 5 + [False]))))
    graph.replace(gemm, masked)
    stands = {copy: masked if v is gemm else v for v, copy in copies.items()}
    wrong = np.abs(evaluate(graph, x)[0] - evaluate(original, x)[0]).max()
    recover_weights(original, graph, stands, Data([x], graph), samples=200, ridge=1e-9)
    assert wrong > 1
    assert np.abs(evaluate(graph, x)[0] - evaluate(original, x)[0]).max() < 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_recovery_lowers_the_error_on_images_it_has_not_seen(residual, images, seed: int) -> None:
    errors = []
    graph = residual(seed)
    for recover in (False, True):
        pruned = graph.clone()
        mask(pruned, amount=0.5, recover=recover, samples=64, data=[images[:64]], seed=0)
        wanted, got = evaluate(graph, images[64:])[0], evaluate(pruned, images[64:])[0]
        errors.append(np.sqrt(np.mean((wanted - got) ** 2)))
    assert errors[1] < 0.5 * errors[0]


def test_the_runner_certifies_that_shrinking_keeps_recovered_weights(residual, images) -> None:
    small, report = ls.run("prune(channels, 0.5)", residual(), data=[images], report=True)
    shrink = next(row for row in report.rows if row.name == "shrink")
    assert shrink.check.startswith("equal")
    assert shrink.error is not None
    assert shrink.error < 1e-5
    assert small.consts[0].data.shape == (4, 3, 3, 3)


def test_linear_ops_right_behind_each_other_are_all_solved() -> None:
    """As in linear bottlenecks: what is solved reads the solved, and nothing of the old is left."""
    rng = np.random.default_rng(0)
    w, v, u = (Const(rng.standard_normal((16, 16)).astype(np.float32), n) for n in "wvu")
    graph = Graph("chain")
    x = graph.input("x", tensor("float32", symbol("N"), 16))
    y = graph.append(Gemm(Gemm(Relu(Gemm(x, w)), v), u))
    graph.set_outputs({"y": y})
    data = rng.standard_normal((300, 16)).astype(np.float32)
    small = ls.run("prune(channels, 0.25)", graph, data=[data])
    assert [op.op_type for op in small.ops] == ["Gemm", "Relu", "Gemm", "Gemm"]
    plain = ls.run("prune(channels, 0.25, recover=false)", graph)
    errors = [np.square(evaluate(g, data)[0] - evaluate(graph, data)[0]).mean() for g in (small, plain)]
    assert errors[0] < 0.7 * errors[1]


def test_shared_weights_stay_shared() -> None:
    rng = np.random.default_rng(0)
    w, v, u = (Const(rng.standard_normal((6, 6)).astype(np.float32), n) for n in "wvu")
    graph = Graph("twice")
    x = graph.input("x", tensor("float32", symbol("N"), 6))
    first = MatMul(Relu(MatMul(x, w)), v)
    graph.set_outputs({"y": graph.append(MatMul(Relu(MatMul(Relu(MatMul(Relu(first), w)), v)), u))})
    small = ls.run("prune(channels, 0.5)", graph, data=[rng.standard_normal((50, 6)).astype(np.float32)])
    assert len([c for c in small.consts if c.data.ndim == 2]) == 3


def test_recovery_asked_for_without_data_is_an_error(residual) -> None:
    with pytest.raises(Error, match="recover=true needs data"):
        ls.run("prune(channels, 0.5, recover=true)", residual())


def test_half_of_resnet8_with_recovery_clearly_beats_plain_l1() -> None:
    graph = ls.load(EXAMPLES / "resnet8.onnx")
    with np.load(EXAMPLES / "data" / "fashion_mnist_calib.npz") as file:
        calibration = file["x"][:500]
    with np.load(EXAMPLES / "data" / "fashion_mnist_test.npz") as file:
        x, y = file["x"][:500], file["y"][:500]

    def accuracy(pipeline: str) -> float:
        small = ls.run(pipeline, graph, data=[calibration], check=False)
        return float((evaluate(small, x)[0].argmax(1) == y).mean())

    plain = accuracy("prune(channels, until(macs=0.5), recover=false)")
    recovered = accuracy("prune(channels, until(macs=0.5), scope=global, criterion=thinet)")
    assert recovered > 0.87 > 0.5 > plain
