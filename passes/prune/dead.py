"""Units that are constant for every input, found from the weights: what they add moves into the bias behind them.

A channel whose weights are all zero carries its bias and nothing else; what follows from a constant is constant. Where
such a channel is multiplied by weights, the product is known now. Afterwards nothing reads the channel, and it can go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from lissom.ir.families.elementwise import Binary, Unary
from lissom.ir.graph import Graph
from lissom.ir.interpreter import run_op
from lissom.ir.op import Op
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.global_average_pool import GlobalAveragePool
from lissom.ir.ops.global_max_pool import GlobalMaxPool
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.max_pool import MaxPool
from lissom.ir.ops.mul import Mul
from lissom.ir.tensors import to_tensor
from lissom.ir.values import Const, Value
from lissom.passes import notes
from lissom.passes.least_squares.linear import Linear, Matrix, linear

Known: TypeAlias = npt.NDArray[np.float64]
"""What a value is whatever the input: NaN where that depends on it, size 1 along axes on which it does not vary."""


def absorb_constants(graph: Graph) -> int:
    """Zero the weights that only ever see constants, and put what they give into the bias. Returns how many."""
    known: dict[Value, Known] = {}
    count = 0
    for op in list(graph.ops):
        found = linear(op)
        if found is not None and found.x in known:
            inputs = _rows(found, known[found.x])
            matrix = found.matrix()
            sees = ~np.isnan(inputs) & matrix.any(axis=2) & ((inputs == 0) | _same_everywhere(op))
            if sees.any():
                given = np.where(sees, np.nan_to_num(inputs), 0)
                bias = found.bias() + np.einsum("gk,gko->go", given, matrix)
                new = found.rebuilt(np.where(sees[:, :, None], 0, matrix), bias)
                notes.done("drop_dead", op, f"{int(sees.sum())} of its inputs are constant")
                graph.replace(op, new)
                op, found = new, linear(new)
                count += int(sees.sum())
        result = _linear(found, known) if found is not None else _follow(op, known)
        if result is not None and not np.isnan(result).all():
            known[op] = result
    return count


def _same_everywhere(op: Op) -> bool:
    """Whether every output sees a constant input at all taps: no zeros are padded around it."""
    return not isinstance(op, Conv) or not any(op.pads)


def _rows(found: Linear, known: Known) -> Matrix:
    """A known input as (groups, inputs of a group), in the order of the weights' rows."""
    axis = found.input_axis
    size = found.x.type.dims[axis]
    assert isinstance(size, int)
    if any(n != 1 for i, n in enumerate(known.shape) if i != axis):
        return np.full((found.groups, found.inputs), np.nan)
    return found.per_input(np.broadcast_to(known.reshape(-1), (size,)))


def _linear(found: Linear, known: Mapping[Value, Known]) -> Known:
    """The bias where no weight of an output sees anything that varies."""
    matrix = found.matrix()
    inputs = _rows(found, known[found.x]) if found.x in known else np.full(matrix.shape[:2], np.nan)
    if not _same_everywhere(found.op):
        inputs = np.where(inputs == 0, 0.0, np.nan)
    varies = ((matrix != 0) & np.isnan(inputs)[:, :, None]).any(axis=1)
    given = np.einsum("gk,gko->go", np.nan_to_num(inputs), matrix) + found.bias()
    shape = [1] * found.op.type.rank
    shape[1 if isinstance(found.op, Conv) else -1] = -1
    return np.where(varies, np.nan, given).reshape(shape)


def _follow(op: Op, known: Mapping[Value, Known]) -> Known | None:
    """What follows from known operands; None: nothing."""
    if not any(v in known for v in op.operands) and not isinstance(op, BatchNormalization | Mul):
        return None
    x = known.get(op.operands[0]) if op.operands else None
    match op:
        case Unary() | Binary() | Clip() | Mask():
            return _elementwise(op, known)
        case BatchNormalization(_, Const(), Const() as b) if not op.training_mode:
            channels = (1, b.data.size, *[1] * (op.type.rank - 2))
            full = np.broadcast_to(np.nan if x is None else x, channels)
            flat = op.scale.data.reshape(channels) == 0  # type: ignore[attr-defined]
            rest = _elementwise(op, {**known, op.x: full})
            return np.where(flat, b.data.reshape(channels), np.nan if rest is None else rest)
        case GlobalAveragePool() | GlobalMaxPool() | MaxPool() if x is not None and len(op.results) == 1:
            return x if x.shape[2:] == (1,) * (x.ndim - 2) else None
        case AveragePool() if x is not None and (not op.count_include_pad or not any(op.pads)):
            return x if x.shape[2:] == (1,) * (x.ndim - 2) and op.auto_pad == "NOTSET" else None
        case Flatten(v, 1) if x is not None and all(isinstance(d, int) for d in v.type.dims[1:]):
            sizes = [d for d in v.type.dims[1:] if isinstance(d, int)]
            return np.broadcast_to(x, (1, *sizes)).reshape(1, -1) if x.shape[0] == 1 else None
    return None


def _elementwise(op: Op, known: Mapping[Value, Known]) -> Known | None:
    """The op on what is known; NaN goes through to wherever something unknown takes part."""
    if not op.type.dtype.is_float or not all(v.type.dtype.is_float or isinstance(v, Const) for v in op.operands):
        return None
    env: dict[Value, torch.Tensor] = {}
    blind: dict[Value, torch.Tensor] = {}
    for v in op.operands:
        data = v.data if isinstance(v, Const) else known.get(v, np.full([1] * v.type.rank, np.nan))
        env[v] = to_tensor(np.asarray(data, v.type.dtype.numpy), v.type.dtype)
        blind[v] = env[v] if isinstance(v, Const) else torch.full_like(env[v], torch.nan)
    if not run_op(op, blind)[0].isnan().all() and not isinstance(op, Mask):
        return None  # an op that does not pass NaN on
    result: Known = run_op(op, env)[0].double().numpy()
    if isinstance(op, Mul):
        zero = [np.nan_to_num(env[v].double().numpy(), nan=1.0) == 0 for v in op.operands]
        result = np.where(np.logical_or(*zero), 0.0, result)
    return result
