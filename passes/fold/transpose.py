"""Transposes cancel, merge, sink through elementwise ops to meet others, and go into matrix products."""

from __future__ import annotations

import numpy as np

from lissom.ir.families.elementwise import Unary
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.transpose import Transpose
from lissom.ir.values import Const, Value
from lissom.passes.rule import Rule, read_once, rule


@rule
def two_transposes(op: Transpose) -> Value | None:
    """Transpose(Transpose(x))  =>  one Transpose."""
    match op.x:
        case Transpose(x, inner):
            return Transpose(x, tuple(inner[i] for i in op.perm))
    return None


@rule
def transposes_around(op: Transpose) -> Value | None:
    """Transpose(f(Transpose(x))) with f elementwise  =>  f(one Transpose of x)."""
    match op.x:
        case Unary(Transpose(x, inner)) as f if read_once(f):
            return f.replace(x=Transpose(x, tuple(inner[i] for i in op.perm)))
    return None


@rule
def operand_of_gemm(op: Gemm) -> Value | None:
    """Gemm of a transposed matrix  =>  Gemm that reads it transposed."""
    match op:
        case Gemm(Transpose(a)):
            return op.replace(a=a, transA=not op.transA)
        case Gemm(_, Transpose(b)):
            return op.replace(b=b, transB=not op.transB)
    return None


@rule
def rows_are_outputs(op: Gemm) -> Value | None:
    """Gemm with a constant b and its factors  =>  transB, alpha and beta 1: the layout of a linear layer's weight."""
    match op:
        case Gemm(_, Const(w), None | Const() as c) if op.type.dtype.is_float:
            if op.transB and op.alpha == 1 and (op.beta == 1 or c is None):
                return None
            w = np.ascontiguousarray(w if op.transB else w.T)
            scaled = (w * op.alpha).astype(w.dtype)
            bias = None if c is None else (c.data * op.beta).astype(w.dtype)
            return op.replace(b=scaled, c=bias, alpha=1.0, beta=1.0, transB=True)
    return None


@rule
def linear_layer(op: MatMul) -> Value | None:
    """x @ w for a matrix x and a constant matrix w  =>  Gemm."""
    match op:
        case MatMul(a, Const(w) as b) if w.ndim == 2 and a.type.shape is not None and a.type.rank == 2:
            return Gemm(a, b.replace(np.ascontiguousarray(w.T)), transB=True) if op.type.dtype.is_float else None
    return None


RULES: tuple[Rule, ...] = (two_transposes, transposes_around, operand_of_gemm, rows_are_outputs, linear_layer)
