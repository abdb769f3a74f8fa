"""The realization of sparse weights: what is not zero, and how far apart it lies."""

from __future__ import annotations

from typing import Any

import numpy as np

from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.ops.qlinear_gemm import QLinearGemm
from lissom.ir.ops.qlinear_mat_mul import QLinearMatMul
from lissom.ir.ops.sparse import Sparse, encoded
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.passes import notes
from lissom.passes.graph_pass import Kind, State, graph_pass
from lissom.passes.quantize.layers import output_axis

BLOCKS = (16, 8, 4, 2, 1)
"""Sizes of blocks that are tried."""


@graph_pass(Kind.realize, gives=[State.maskless])
def store_sparse(graph: Graph) -> None:
    """Store weights that are mostly zero without the zeros, where that takes fewer bytes.

    Masked float weights and plain ones, and the integers of quantized layers. C code gets what its kernels read.
    """
    rows: list[dict[str, Any]] = []
    for op in graph.ops:
        found = _weights(op) if op.graph is graph else None
        if found is None:
            continue
        value, const, array, axis = found
        made = stored(array, axis, const)
        before, after = const.type.nbytes(), sum(v.type.nbytes() for v in made.operands)
        if after >= before:
            notes.refused("store_sparse", op, f"without its zeros it would take {after} bytes, with them {before}")
            if value is not const:
                graph.replace(value, const.replace(array))
            continue
        graph.replace(value, made)
        notes.done("store_sparse", op)
        rows.append(_row(made, const, array))
    notes.table("stored sparse", lambda: rows)


def stored(array: Array, axis: int, const: Const) -> Sparse:
    """The array in the smallest of its forms, in the name of ``const``."""
    forms = [encoded(array, axis, block) for block in BLOCKS if array.shape[axis] % block == 0]
    values, gaps = min(forms, key=lambda form: form[0].nbytes + form[1].nbytes)
    parts = Const(values, f"{const.name}.values"), Const(gaps, f"{const.name}.gaps")
    return Sparse(*parts, tuple(array.shape), axis).named(const.name, const.loc)


def _weights(op: Op) -> tuple[Value, Const, Array, int] | None:
    """What a layer reads, the constant in it, what that comes to, and the axis of input channels."""
    match op:
        case QLinearConv():
            value, axis = op.w, 1
        case QLinearGemm():
            value, axis = op.w, 1
        case QLinearMatMul():
            value, axis = op.b, -2
        case Conv() | ConvTranspose() | Gemm() | MatMul():
            value, axis = op.operands[1], 1 - output_axis(op)
        case _:
            return None
    match value:
        case Const(data) if data.ndim > 1:
            return value, value, data, axis
        case Mask(Const(data) as const, Const(keep)):
            return value, const, np.where(keep, data, np.zeros((), data.dtype)), axis
    return None


def _row(made: Sparse, const: Const, array: Array) -> dict[str, Any]:
    return {
        "weights": const.name,
        "elements": array.size,
        "not zero": int(np.count_nonzero(array)),
        "block": made.values.type.dims[1],
        "bytes": const.type.nbytes(),
        "stored": sum(v.type.nbytes() for v in made.operands),
    }
