"""Recurrent layers, step by step: what both front ends make of LSTM, GRU and RNN, so that every pass works on them.

What is multiplied with the inputs is one product for all steps, in front of them; a step adds what the weights make of
the state before it. The weights are shared by the steps, not copied.

Gates lie one behind the other along the last axis. Hochreiter and Schmidhuber, "Long short-term memory", 1997; Cho et
al., arXiv:1406.1078.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lissom.ir.errors import Unsupported
from lissom.ir.ops.add import Add
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.constant_of_shape import ConstantOfShape
from lissom.ir.ops.expand import Expand
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.sigmoid import Sigmoid
from lissom.ir.ops.slice import Slice
from lissom.ir.ops.split import Split
from lissom.ir.ops.squeeze import Squeeze
from lissom.ir.ops.sub import Sub
from lissom.ir.ops.tanh import Tanh
from lissom.ir.ops.transpose import Transpose
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.values import Const, Value

Activation = Callable[[Value], Value]
States = tuple["Value | None", ...]
"""What goes from step to step, the output first, each (N, H); None for zeros."""


@dataclass(frozen=True)
class Weights:
    """``w`` (G, I) and ``r`` (G, H) for G gate units of all kinds, in the order of the cell; biases (G) or none."""

    w: Value
    r: Value
    b: Value | None = None
    b_r: Value | None = None
    """The bias of what is multiplied with the state."""
    p: Value | None = None
    """What the output of an LSTM is multiplied with in the end, (P, H)."""

    def joined(self) -> Weights:
        """The same with one bias, at the inputs, where all that meets is added up."""
        one = Add(self.b, self.b_r) if self.b is not None and self.b_r is not None else self.b or self.b_r
        return Weights(self.w, self.r, one, None, self.p)


Cell = Callable[[Value, States], States]
"""From what the inputs of a step contribute to its gates, (N, G), and the states before it to those behind it."""


def lstm(
    weights: Weights,
    *,
    order: str = "iofc",
    gate: Activation = Sigmoid,
    candidate: Activation = Tanh,
    squash: Activation = Tanh,
    peepholes: dict[str, Value] | None = None,
    coupled: bool = False,
) -> Cell:
    """c' = f * c + i * g, h' = o * squash(c'); gates i, o, f and the candidate c lie in ``order``.

    ``peepholes``, by gate, (H): gates see the cell state too. ``coupled``: f is 1 - i.
    """
    hole = peepholes or {}

    def cell(x: Value, states: States) -> States:
        h, c = states
        sums = x if h is None else Add(x, Gemm(h, weights.r, transB=True))
        if hole:
            part = dict(zip(order, parts(sums, 4), strict=True))
            seen = {k: p if k == "o" else _peep(p, c, hole.get(k)) for k, p in part.items()}
            on = {k: candidate(p) if k == "c" else gate(p) for k, p in seen.items() if k != "o"}
        else:
            on = _activated(sums, order, gate, candidate)
        f = Sub(_one(x), on["i"]) if coupled else on["f"]
        fresh = Mul(on["i"], on["c"])
        c = fresh if c is None else Add(Mul(f, c), fresh)
        o = gate(_peep(part["o"], c, hole.get("o"))) if hole else on["o"]
        y = Mul(o, squash(c))
        return y if weights.p is None else Gemm(y, weights.p, transB=True), c

    return cell


def gru(
    weights: Weights,
    *,
    order: str = "zr",
    gate: Activation = Sigmoid,
    candidate: Activation = Tanh,
    reset_product: bool = True,
) -> Cell:
    """h' = (h - n) * z + n; gates z and r lie in ``order``, and behind them the candidate n.

    ``reset_product``: r is multiplied with what the weights make of h, else with h itself.
    """

    def cell(x: Value, states: States) -> States:
        (h,) = states
        x_gates, x_n = parts(x, 2, 1)
        bias = weights.b_r
        if h is None and bias is None:
            on = dict(zip(order, parts(gate(x_gates), 2), strict=True))
            n = candidate(x_n)
        elif reset_product:
            from_h = bias if h is None else Gemm(h, weights.r, bias, transB=True)
            assert from_h is not None
            h_gates, h_n = parts(from_h, 2, 1)
            on = dict(zip(order, parts(gate(Add(x_gates, h_gates)), 2), strict=True))
            n = candidate(Add(x_n, Mul(on["r"], h_n)))
        else:
            assert h is not None
            r_gates, r_n = parts(weights.r, 2, 1, axis=0)
            on = dict(zip(order, parts(gate(Add(x_gates, Gemm(h, r_gates, transB=True))), 2), strict=True))
            n = candidate(Add(x_n, Gemm(Mul(on["r"], h), r_n, transB=True)))
        return (Sub(n, Mul(n, on["z"])) if h is None else Add(Mul(Sub(h, n), on["z"]), n),)

    return cell


def rnn(weights: Weights, *, activation: Activation = Tanh) -> Cell:
    """h' = activation(x + R h)."""

    def cell(x: Value, states: States) -> States:
        (h,) = states
        return (activation(x if h is None else Add(x, Gemm(h, weights.r, transB=True))),)

    return cell


def unrolled(
    x: Value, weights: Weights, cell: Cell, states: States, *, axis: int, reverse: bool = False
) -> tuple[Value, States]:
    """All outputs, with the steps along ``axis``, 0 or 1, of (*, *, H), and the last states; ``x`` is (*, *, I).

    Raises Unsupported where the number of steps is no number.
    """
    steps = x.type.dims[axis]
    if not isinstance(steps, int):
        raise Unsupported(
            f"its sequence has {steps} steps, and steps can be laid out only where they are a number: give it when the "
            f"model is loaded, load(..., sizes={{{str(steps)!r}: 16}}), or --shape on the command line"
        )
    if steps == 0:
        raise Unsupported("its sequence has no step")
    product: Value = MatMul(x, Transpose(weights.w, (1, 0)))
    if weights.b is not None:
        product = Add(product, weights.b)
    along = Const(np.array([axis], np.int64))
    outputs: list[Value] = []
    each = [Squeeze(p, along) for p in parts(product, *[1] * steps, axis=axis)]
    for step in reversed(each) if reverse else each:
        states = cell(step, states)
        assert states[0] is not None
        outputs.append(Unsqueeze(states[0], along))
    outputs = outputs[::-1] if reverse else outputs
    return Concat(tuple(outputs), axis=axis) if steps > 1 else outputs[0], states


def parts(x: Value, *shares: int, axis: int = -1) -> tuple[Value, ...]:
    """``x`` cut along ``axis`` in these proportions; one number is that of equal parts."""
    shares = (1,) * shares[0] if len(shares) == 1 else shares
    if len(shares) == 1:
        return (x,)
    size = x.type.dims[axis]
    if not isinstance(size, int):
        raise Unsupported(f"the size of its gates is {size}, which is no number")
    unit = size // sum(shares)
    return Split(x, Const(np.array(shares, np.int64) * unit), axis=axis % x.type.rank).results


def _activated(sums: Value, order: str, gate: Activation, candidate: Activation) -> dict[str, Value]:
    """The four gates, with one op for those that lie side by side and have the same activation."""
    at = order.index("c")
    runs = [run for run in (order[:at], "c", order[at + 1 :]) if run]
    on: dict[str, Value] = {}
    for run, part in zip(runs, parts(sums, *map(len, runs)), strict=True):
        on.update(zip(run, parts(candidate(part) if run == "c" else gate(part), len(run)), strict=True))
    return on


def _peep(x: Value, c: Value | None, weights: Value | None) -> Value:
    return x if c is None or weights is None else Add(x, Mul(c, weights))


def _one(x: Value) -> Const:
    return Const(np.ones((), x.type.dtype.numpy))


def initial(states: Sequence[Value | None], direction: int, axis: int = 0) -> States:
    """The states of one direction, (N, H), of those of all directions, which lie along ``axis``; None for zeros."""
    return tuple(None if s is None or is_zero(s) else one_of(s, direction, axis) for s in states)


def is_zero(x: Value) -> bool:
    """Whether ``x`` is zeros: a constant, or made for a batch of any size."""
    match x:
        case Const(data):
            return not data.any()
        case ConstantOfShape():
            return not x.value
        case Expand(a) | Squeeze(a) | Unsqueeze(a) | Slice(a) | Reshape(a) | Transpose(a):
            return is_zero(a)
        case Concat(several):
            return all(map(is_zero, several))
    return False


def one_of(x: Value, index: int, axis: int = 0) -> Value:
    """``x`` at ``index`` along ``axis``, without that axis."""
    count = x.type.dims[axis]
    if not isinstance(count, int):
        raise Unsupported(f"it has {count} layers and directions, which is no number")
    along = Const(np.array([axis], np.int64))
    return Squeeze(parts(x, *[1] * count, axis=axis)[index], along)
