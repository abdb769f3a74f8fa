"""The weights that schemes of few values work on: those of convolutions and of matrix products with a constant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lissom.ir.errors import DataError, Error
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.binarize import Binarize
from lissom.ir.ops.codebook import Codebook
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.ternarize import Ternarize
from lissom.ir.ops.where import Where
from lissom.ir.types import Array, DType
from lissom.ir.values import Const, Value
from lissom.passes import notes
from lissom.passes.naming import named
from lissom.passes.quantize.layers import output_axis

LAYERS = (Conv, ConvTranspose, Gemm, MatMul)
"""Ops with weights."""


@dataclass(frozen=True)
class Weights:
    """The constant behind what a layer multiplies with, and the axis of its output channels.

    ``mask`` is what pruning put on it, and ``partly`` a Where that already fixes some of its elements.
    """

    layer: Op
    const: Const
    axis: int
    mask: Mask | None = None
    partly: Where | None = None

    @property
    def alive(self) -> Array:
        """The elements that are not pruned."""
        keep = self.mask.keep if self.mask is not None else None
        whole = np.ones(self.const.data.shape, np.bool_)
        return whole if not isinstance(keep, Const) else np.broadcast_to(keep.data, whole.shape)


def weights_of(graph: Graph, by: str, exclude: tuple[str, ...] = ()) -> list[Weights]:
    """The weights of all layers but the excluded ones, each constant once; ``by`` is the pass, for its notes.

    Raises Error for a name in ``exclude`` that no op has, and where nothing is left; DataError for NaN or Inf.
    """
    layers: list[Op] = [op for op in graph.ops if isinstance(op, LAYERS)]
    out = {op for name in exclude for op in named(graph, name, layers, "exclude")}
    found: dict[Const, Weights] = {}
    for op in layers:
        made = "it is excluded" if op in out else _weights(op)
        if isinstance(made, str):
            notes.refused(by, op, made)
        elif not np.isfinite(made.const.data).all():
            raise DataError(f"the weights {made.const.name!r} of {op.describe()} hold NaN or Inf")
        else:
            found.setdefault(made.const, made)
    if not found:
        raise Error(f"{by}: no layer is left whose weights are constant floats; lissom explain says why")
    return list(found.values())


def operand_of(op: Op) -> Value:
    """What a layer multiplies its input with."""
    return op.operands[1]


def _weights(op: Op) -> Weights | str:
    """The weights of a layer, or why they are none to work on."""
    value = operand_of(op)
    mask = value if isinstance(value, Mask) and isinstance(value.keep, Const) else None
    partly: Where | None = None
    if mask is not None:
        value = mask.x
    match value:
        case Where(Const(), Const(), Const() as inner):
            partly, value = value, inner
        case Binarize() | Ternarize() | Codebook() | FakeQuant():
            return f"its weights are decided on already: {value.op_type}"
    if not isinstance(value, Const) or value.type.dtype is not DType.float32:
        return "its weights are no constant of type float32"
    if value.type.rank < 2 or (isinstance(op, MatMul) and value.type.rank != 2):
        return f"weights of type {value.type} have no output channels"
    return Weights(op, value, output_axis(op), mask, partly)
