"""Two linear ops with nothing between them become one, where that is cheaper."""

from __future__ import annotations

import numpy as np

from lissom.ir.op import Op
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.passes.factorize.chain import Piece, compose
from lissom.passes.rule import Refused, Rule, read_once, rule


@rule
def merge_convs(op: Conv) -> Value | None:
    """Conv(Conv(x))  =>  Conv(x), where along every axis one of the two has one tap, and one Conv costs no more."""
    match op:
        case Conv(Conv(x, Const(v), None | Const()) as first, Const(w), None | Const()):
            if op.group > 1 and first.group > 1:
                return None
            if op.auto_pad != "NOTSET" or first.auto_pad != "NOTSET":
                raise Refused("its padding depends on sizes that are not known")
            _require_alone(first)
        case _:
            return None
    rank = v.ndim - 2
    strides, dilations, begins, ends = [], [], [], []
    for a in range(rank):
        pads_of = {c: (c.pads[a], c.pads[a + rank]) for c in (first, op)}
        if w.shape[2 + a] == 1 and not any(pads_of[op]):
            mine, step = first, first.strides[a] * op.strides[a]
        elif v.shape[2 + a] == 1 and not any(pads_of[first]) and first.strides[a] == 1:
            mine, step = op, op.strides[a]
            if any(pads_of[op]) and first.b is not None:
                raise Refused(f"{first.describe()} adds a bias, and that is padded with zeros")
        else:
            raise Refused(f"both slide along axis {a + 2}")
        strides.append(step)
        dilations.append(mine.dilations[a])
        begins.append(pads_of[mine][0])
        ends.append(pads_of[mine][1])
    both = compose([Piece(v, group=first.group), Piece(w, group=op.group)])
    merged = Conv(
        x,
        _weights(op.w, both),
        _shifted(op, Piece(w, group=op.group).dense.reshape(*both.shape[:1], v.shape[0], -1).sum(2), first.b, op.b),
        strides=tuple(strides),
        pads=(*begins, *ends),
        dilations=tuple(dilations),
    )
    return _cheaper(merged, first, op)


@rule
def merge_products(op: Gemm | MatMul) -> Value | None:
    """(x @ v) @ w  =>  x @ (v @ w), where one product costs no more."""
    match op:
        case MatMul(MatMul(x, Const(v)) as first, Const(w)) if v.ndim == w.ndim == 2:
            _require_alone(first)
            both = v.astype(np.float64) @ w
            return _cheaper(MatMul(x, _weights(op.b, both)), first, op)
        case Gemm(Gemm(x, Const(v), None | Const() as c) as first, Const(w), None | Const()) if not op.transA:
            _require_alone(first)
            if any(b is not None and any(d != 1 for d in b.type.dims[:-1]) for b in (first.c, op.c)):
                raise Refused("a bias differs from row to row")
            left = first.alpha * (v.T if first.transB else v).astype(np.float64)
            right = op.alpha * (w.T if op.transB else w).astype(np.float64)
            scaled = None if c is None else c.replace(np.broadcast_to(first.beta * c.data.reshape(-1), left.shape[1:]))
            held = None if op.c is None else op.c.replace(op.beta * op.c.data.reshape(-1))  # type: ignore[attr-defined]
            if held is not None and held.data.size < right.shape[1]:
                held = held.replace(np.broadcast_to(held.data, right.shape[1:]))
            both = left @ right
            bias = _shifted(op, right.T, scaled, held)
            merged = Gemm(x, _weights(op.b, both.T if op.transB else both), bias, transA=first.transA, transB=op.transB)
            return _cheaper(merged, first, op)
    return None


def _require_alone(first: Op) -> None:
    if not read_once(first):
        raise Refused(f"the result of {first.describe()} is needed as it is")


def _weights(old: Value, both: Array) -> Const:
    assert isinstance(old, Const)
    return old.replace(np.ascontiguousarray(both).astype(old.data.dtype))


def _shifted(op: Op, right: Array, inner: Value | None, outer: Value | None) -> Const | None:
    """The outer bias, plus what the second op makes of the inner one; ``right`` is (outputs, inputs)."""
    if inner is None:
        return outer if isinstance(outer, Const) else None
    assert isinstance(inner, Const)
    held = 0.0 if outer is None else outer.data  # type: ignore[attr-defined]
    data = (right @ inner.data.astype(np.float64) + held).astype(inner.data.dtype)
    return outer.replace(data) if isinstance(outer, Const) else inner.replace(data)


def _cheaper(merged: Op, first: Op, second: Op) -> Op:
    apart = first.macs() + second.macs()
    if merged.macs() > apart:
        raise Refused(f"one op takes {merged.macs()} MACs, the two take {apart}")
    return merged.named(second.name, second.loc)


RULES: tuple[Rule, ...] = (merge_convs, merge_products)
