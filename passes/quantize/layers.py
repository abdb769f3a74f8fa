"""Ops with weights, all seen alike: one product of a matrix of weights and a matrix of input columns for each group.

For a convolution the columns are the windows of its input; for a matrix product, its rows. What a layer computes from
columns alone is what methods that choose integers for weights work on.
"""

from __future__ import annotations

from math import inf, prod

import numpy as np
import torch

from lissom.ir.constant import is_constant
from lissom.ir.families.quantization import expand
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.relu import Relu
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array, DType
from lissom.ir.values import Const, Value
from lissom.passes.least_squares.rows import grid_of, rows_at


def weight_of(op: Op) -> Value | None:
    """The operand that holds an op's weights: constant or computed from constants, or a grid of that; else None."""
    match op:
        case Conv(_, w) | ConvTranspose(_, w) | Gemm(_, w):
            return w if is_constant(unquantized(w)) else None
        case MatMul(_, w) if w.type.rank == 2:
            return w if is_constant(unquantized(w)) else None
    return None


def unquantized(v: Value) -> Value:
    """What is behind a FakeQuant."""
    return v.x if isinstance(v, FakeQuant) else v


def output_axis(op: Op) -> int:
    """The axis of the weights along which output channels lie."""
    match op:
        case Gemm():
            return 0 if op.transB else 1
        case MatMul() | ConvTranspose():
            return 1
    return 0


def channel_axis(op: Op) -> int:
    """The axis of the result along which output channels lie."""
    return 1 if isinstance(op, Conv | ConvTranspose) else op.type.rank - 1


def bias_of(op: Op) -> Const | None:
    """The constant a layer adds to every output channel, within the op or right behind it."""
    match op:
        case Conv(_, _, b) | ConvTranspose(_, _, b):
            return b if isinstance(b, Const) else None
        case Gemm(_, _, b) if op.beta == 1:
            return b if isinstance(b, Const) else None
        case MatMul() if len(op.users) == 1 and isinstance(follower := op.users[0], Add):
            other = follower.b if follower.a is op else follower.a
            return other if isinstance(other, Const) and other.data.ndim == 1 else None
    return None


def add_to_bias(graph: Graph, op: Op, shift: Array) -> Op:
    """Add ``shift``, one number for each output channel, to what the layer adds; returns the op, which may be new."""
    field = "c" if isinstance(op, Gemm) else "b"
    old = bias_of(op)
    if old is not None and not isinstance(op, MatMul):
        new = op.replace(**{field: (old.data + shift.reshape(old.data.shape)).astype(np.float32)})
    elif old is not None:
        add = op.users[0]
        side = "a" if add.operands[0] is old else "b"
        graph.replace(add, add.replace(**{side: (old.data + shift).astype(np.float32)}))
        return op
    elif isinstance(op, MatMul):
        graph.replace(
            op, Add(op, Const(shift.astype(np.float32), f"{op.name}.bias")).named(f"{op.name}.biased", op.loc)
        )
        return op
    else:
        new = op.replace(**{field: Const(shift.astype(np.float32), f"{op.name}.bias")})
    graph.replace(op, new)
    return new


def has_columns(op: Op) -> bool:
    """Whether the layer is a product of weights and columns of its input."""
    return isinstance(op, Conv | Gemm | MatMul) and not (isinstance(op, Gemm) and op.transA)


def draw_columns(op: Op, x: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """About ``count`` columns of the input ``x`` as (groups, inner, drawn): the same ones for the same seed."""
    grid = grid_of(op, x)
    drawn = torch.randperm(prod(grid), generator=torch.Generator().manual_seed(seed))[:count]
    return rows_at(op, x, torch.unravel_index(drawn, grid)).mT


def only_reader(op: Op) -> Op | None:
    """The one op that reads ``op``; None where there are several or the graph returns it."""
    returned = op.graph is not None and op.graph.is_output(op)
    return op.users[0] if len(op.users) == 1 and not returned else None


def limits_behind(op: Op) -> tuple[float, float] | None:
    """Where the ReLU or clip that alone reads the layer, or the sum behind its bias, cuts; None where there is none."""
    reader = only_reader(op)
    if isinstance(op, MatMul) and bias_of(op) is not None and isinstance(reader, Add):
        reader = only_reader(reader)
    match reader:
        case Relu():
            return 0.0, inf
        case Clip(_, Const() | None as low, Const() | None as high):
            return (-inf if low is None else float(low.data)), (inf if high is None else float(high.data))
    return None


def is_on_grid(v: Value | None) -> bool:
    """True for weights with a FakeQuant."""
    return isinstance(v, FakeQuant) and isinstance(v.x, Const) and v.type.dtype is DType.float32


def scale_of(fake: FakeQuant, w: torch.Tensor) -> torch.Tensor:
    """The scale of weights on a grid, shaped to multiply them."""
    assert isinstance(fake.scale, Const)
    return expand(to_tensor(fake.scale.data, fake.scale.type.dtype), fake.axis, w)
