"""Linear ops as matrices: rows times weights plus bias is what the op computes, at any geometry."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.types import tensor
from lissom.ir.values import Const, Input
from lissom.passes.least_squares.linear import Linear, linear


def array(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


@st.composite
def ops(draw) -> Op:
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    kind = draw(st.sampled_from(["conv", "gemm", "matmul"]))
    n, k, m = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    if kind == "matmul":
        return MatMul(Input("x", tensor("float32", 2, n, k)), Const(array(rng, k, m)))
    if kind == "gemm":
        trans_a, trans_b = draw(st.booleans()), draw(st.booleans())
        a = Input("x", tensor("float32", *((k, n) if trans_a else (n, k))))
        b = Const(array(rng, *((m, k) if trans_b else (k, m))))
        c = draw(st.sampled_from([None, (m,), (1, m), (1,), ()]))
        bias = None if c is None else Const(array(rng, *c))
        return Gemm(a, b, bias, alpha=0.5, beta=draw(st.sampled_from([1.0, 2.0])), transA=trans_a, transB=trans_b)
    rank, group = draw(st.integers(1, 3)), draw(st.sampled_from([1, 1, 2, 3]))
    kernel = [draw(st.integers(1, 3)) for _ in range(rank)]
    x = Input("x", tensor("float32", n, k * group, *(draw(st.integers(5, 7)) for _ in range(rank))))
    bias = Const(array(rng, m * group)) if draw(st.booleans()) else None
    return Conv(
        x,
        Const(array(rng, m * group, k, *kernel)),
        bias,
        strides=tuple(draw(st.integers(1, 2)) for _ in range(rank)),
        pads=tuple(draw(st.integers(0, 2)) for _ in range(2 * rank)),
        dilations=tuple(draw(st.integers(1, 2)) for _ in range(rank)),
        group=group,
    )


def run(op: Op, x: torch.Tensor) -> torch.Tensor:
    operands = [
        None if v is None else x if isinstance(v, Input) else torch.from_numpy(np.array(v.data))
        for v in (getattr(op, f.name) for f in type(op).fields if f.kind.name != "attribute")
    ]
    return op.run(*operands)


def shown(op: Op) -> tuple[Linear, torch.Tensor, torch.Tensor]:
    found = linear(op)
    assert found is not None
    static = found.x.type.static
    assert static is not None
    x = torch.from_numpy(array(np.random.default_rng(1), *static))
    return found, x, run(op, x)


@settings(max_examples=60, deadline=None)
@given(ops(), st.integers(1, 200))
def test_rows_times_weights_plus_bias_is_the_output(op: Op, count: int) -> None:
    found, x, y = shown(op)
    assert found.output_shape(x) == tuple(y.shape)
    at = found.positions(y, count, np.random.default_rng(0))
    got = found.rows(x, at) @ found.matrix() + found.bias()[:, None]
    np.testing.assert_allclose(got, found.outputs(y, at), rtol=1e-4, atol=1e-4)
    everything = y.numel() // y.shape[found.output_axis]
    assert got.shape[1] == min(count, everything)


@settings(max_examples=40, deadline=None)
@given(ops())
def test_an_op_is_rebuilt_from_its_matrix_and_bias(op: Op) -> None:
    found, x, y = shown(op)
    shift = np.ones_like(found.bias())
    new = found.rebuilt(2 * found.matrix(), 2 * found.bias() + shift)
    if isinstance(new, Add):  # a MatMul has no bias of its own
        assert isinstance(new.a, Op)
        assert isinstance(new.b, Const)
        got = run(new.a, x) + torch.from_numpy(np.array(new.b.data))
    else:
        got = run(new, x)
    torch.testing.assert_close(got, 2 * y + 1, rtol=1e-4, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(ops())
def test_averages_are_those_of_all_rows(op: Op) -> None:
    found, x, _ = shown(op)
    if found.groups > 1 or (isinstance(op, Gemm) and op.transA):
        return
    averaged = found.averaged(x)
    for n in range(len(x)):
        rows = found.rows(x[n : n + 1], found.positions(run(op, x[n : n + 1]), 10**6, np.random.default_rng(0)))
        np.testing.assert_allclose(averaged[n], rows[0].mean(0), rtol=1e-4, atol=1e-5)


def test_what_is_not_linear_in_constants() -> None:
    x, w = Input("x", tensor("float32", 2, 3)), Input("w", tensor("float32", 3, 4))
    assert linear(MatMul(x, w)) is None
    assert linear(Add(x, Const(np.ones(3, np.float32)))) is None
    assert linear(MatMul(Const(np.ones((5, 2), np.float32)), x)) is None
    assert linear(Gemm(x, Const(np.ones((3, 4), np.float32)), Const(np.ones((2, 1), np.float32)))) is None
