"""Constant folding: what depends on constants only is computed now."""

from __future__ import annotations

import numpy as np
import torch

from lissom.ir.errors import Error
from lissom.ir.interpreter import run_op
from lissom.ir.op import Op
from lissom.ir.ops.codebook import Codebook
from lissom.ir.ops.dequantize_linear import DequantizeLinear
from lissom.ir.ops.sparse import Sparse
from lissom.ir.tensors import to_array, to_tensor
from lissom.ir.values import Const, Value
from lissom.ir.verify import DECISIONS
from lissom.passes.rule import Refused, Rule, is_used, rule

ALWAYS = 4096
"""Results of at most this many bytes are always worth storing."""

GROWTH = 2
"""A larger result must not be more than this many times the size of what it is computed from."""


@rule
def fold_constants(op: Op) -> Value | tuple[Value, ...] | None:
    """f(constants)  =>  constant, unless the result is much larger than what it is computed from."""
    operands = op.operands
    if not operands or not all(isinstance(v, Const) for v in operands):
        return None
    if op.op_type in DECISIONS:
        raise Refused("it is a decision that a later pass realizes")
    if isinstance(op, Codebook | Sparse):
        raise Refused("its elements are stored encoded")
    if isinstance(op, DequantizeLinear):
        _require_float_readers(op)
    if any(r.type.shape is None for r in op.results):
        raise Refused("the shape of its result depends on the data")
    made, read = (sum(v.type.nbytes() for v in values) for values in (op.results, dict.fromkeys(operands)))
    if made > max(ALWAYS, GROWTH * read) and not isinstance(op, DequantizeLinear):
        raise Refused(f"the result takes {made} bytes, what it is computed from {read}")
    try:
        tensors: dict[Value, torch.Tensor] = {
            v: to_tensor(v.data, v.type.dtype) for v in operands if isinstance(v, Const)
        }
        with torch.no_grad():
            arrays = [to_array(t, r.type.dtype) for t, r in zip(run_op(op, tensors), op.results, strict=True)]
    except Error as e:
        raise Refused(str(e)) from e
    parameters = [v for v in dict.fromkeys(operands) if isinstance(v, Const) and v.trainable]
    trainable = bool(parameters) and op.type.dtype.is_float
    # A parameter in another form is still that parameter: it keeps its name, by which a state dict knows it.
    same = len(parameters) == 1 and parameters[0].users == (op,) and len(arrays) == 1
    consts = tuple(
        Const(np.asarray(a, order="C"), parameters[0].name if same else r.name, trainable=trainable, loc=r.loc)
        for a, r in zip(arrays, op.results, strict=True)
    )
    return consts if len(consts) > 1 else consts[0]


def _require_float_readers(op: DequantizeLinear) -> None:
    """Stored integers stay where an op reads them beside other dequantized values: that is integer arithmetic."""
    for user in op.users:
        for other in user.operands:
            if isinstance(other, DequantizeLinear) and not isinstance(other.x, Const):
                raise Refused(f"{user.describe()} stands for integer arithmetic on it")


@rule
def known_contents(op: Op) -> Value | None:
    """An integer result whose elements follow from shapes  =>  constant."""
    contents, sizes = op.contents, op.type.static
    if contents is None or sizes is None or not is_used(op) or not op.type.dtype.is_integer:
        return None
    if not all(isinstance(d, int) for d in contents.flat):
        return None
    return Const(np.array(contents.tolist(), op.type.dtype.numpy).reshape(sizes), op.name, loc=op.loc)


RULES: tuple[Rule, ...] = (known_contents, fold_constants)
