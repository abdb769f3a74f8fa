"""Where in a graph values are to lie on an integer grid, and which of them share one.

Every op with an integer form wants its operands and its result on a grid. Ops that only move or select elements pass
the grid of their operand on, so the grid belongs to the value they start from; a concatenation makes all it joins
share one. What an op's follower does for free (a bias, a ReLU) is one unit with it, with a grid at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lissom.ir.constant import is_constant
from lissom.ir.families.elementwise import Binary, Unary
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.add import Add
from lissom.ir.ops.average_pool import AveragePool
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.binarize import Binarize
from lissom.ir.ops.clip import Clip
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.depth_to_space import DepthToSpace
from lissom.ir.ops.div import Div
from lissom.ir.ops.expand import Expand
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.gather import Gather
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.global_average_pool import GlobalAveragePool
from lissom.ir.ops.global_max_pool import GlobalMaxPool
from lissom.ir.ops.identity import Identity
from lissom.ir.ops.layer_normalization import LayerNormalization
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.max import Max
from lissom.ir.ops.max_pool import MaxPool
from lissom.ir.ops.min import Min
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.pad import Pad
from lissom.ir.ops.pow import Pow
from lissom.ir.ops.prelu import PRelu
from lissom.ir.ops.reduce_max import ReduceMax
from lissom.ir.ops.reduce_mean import ReduceMean
from lissom.ir.ops.reduce_min import ReduceMin
from lissom.ir.ops.reduce_sum import ReduceSum
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.resize import Resize
from lissom.ir.ops.slice import Slice
from lissom.ir.ops.softmax import Softmax
from lissom.ir.ops.space_to_depth import SpaceToDepth
from lissom.ir.ops.split import Split
from lissom.ir.ops.squeeze import Squeeze
from lissom.ir.ops.sub import Sub
from lissom.ir.ops.tile import Tile
from lissom.ir.ops.transpose import Transpose
from lissom.ir.ops.unsqueeze import Unsqueeze
from lissom.ir.ops.where import Where
from lissom.ir.types import DType
from lissom.ir.values import Const, Value, producer
from lissom.passes import notes

MOVES = (
    Reshape, Flatten, Transpose, Squeeze, Unsqueeze, Expand, Tile, Slice, Split, DepthToSpace, SpaceToDepth,
    Identity, MaxPool, GlobalMaxPool, ReduceMax, ReduceMin, Resize, Gather,
)  # fmt: skip
"""Ops whose results hold elements of their first operand and nothing else, in whatever order."""


def moved(op: Op) -> Value | None:
    """The value whose elements ``op`` moves or selects; None for an op that computes."""
    if isinstance(op, Pad) and not (op.mode == "constant" and not _zero(op.constant_value)):
        return op.operands[0]
    if isinstance(op, Resize) and (op.mode != "nearest" or op.coordinate_transformation_mode == "tf_crop_and_resize"):
        return None
    if isinstance(op, MOVES) and all(r.type.dtype is DType.float32 or not r.users for r in op.results):
        return op.operands[0]
    return None


def passed(op: Op) -> Value | None:
    """The value whose grid the result of ``op`` lies on: what it moves, or masks, as zero is on every grid."""
    return op.x if isinstance(op, Mask) else moved(op)


def _zero(value: Value | None) -> bool:
    return value is None or (isinstance(value, Const) and not value.data.any())


def joined(op: Op) -> tuple[Value, ...] | None:
    """The values of which each element of the result is one; None for an op that computes. They share a grid."""
    if op.type.dtype is not DType.float32 or is_pointwise(op):
        return None
    match op:
        case Concat() | Max() | Min():
            return tuple(v for v in op.operands if v is not None)
        case Where(_, x, y):
            return x, y
    return None


def argument(op: Op) -> Value | None:
    """The one float value, of the shape of the result, that ``op`` is a function of, its other operands constant."""
    if not isinstance(op, Unary | Clip | Binary | Pow | PRelu | Max | Min | BatchNormalization):
        return None
    if op.type.dtype is not DType.float32 or len(op.results) != 1:
        return None
    values = [v for v in op.operands if not isinstance(v, Const)]
    fits = len(values) == 1 and values[0].type.dtype is DType.float32 and values[0].type.shape == op.type.shape
    return values[0] if fits else None


def is_pointwise(op: Op) -> bool:
    """True for a function of one float value and single numbers, element by element: it becomes a table."""
    numbers = all(v.data.size == 1 for v in op.operands if isinstance(v, Const))
    return numbers and not isinstance(op, BatchNormalization) and argument(op) is not None


def channel_axis_of(op: Op) -> int | None:
    """The axis along which a function of one float value differs by channel: it becomes a table for each channel."""
    if not isinstance(op, BatchNormalization | PRelu | Div | Pow) or argument(op) is None or is_pointwise(op):
        return None
    if isinstance(op, BatchNormalization):
        return 1
    rank = op.type.rank
    for c in (v for v in op.operands if isinstance(v, Const)):
        shape = (1,) * (rank - c.data.ndim) + c.data.shape
        along = [i for i, n in enumerate(shape) if n != 1]
        if len(along) == 1 and op.type.dims[along[0]] == shape[along[0]]:
            return along[0]
    return None


def _activations(op: Op) -> list[Value]:
    return [v for v in op.operands if not is_constant(v) and v.type.dtype is DType.float32]


def _only_user(op: Op) -> Op | None:
    used_outside = op.graph is None or op.graph.is_output(op)
    return None if used_outside or len(op.users) != 1 else op.users[0]


def _bias(add: Add, product: MatMul) -> Const | None:
    other = add.b if add.a is product else add.a
    fits = isinstance(other, Const) and other.data.ndim == 1 and other.data.shape[0] == product.type.dims[-1]
    return other if fits and isinstance(product.b, Const) and product.b.data.ndim == 2 else None  # type: ignore[return-value]


@dataclass
class Grids:
    """The values to put on a grid, in groups that share one."""

    _parents: dict[Value, Value] = field(default_factory=dict)

    def find(self, v: Value) -> Value:
        """The representative of the group ``v`` is in; starts a group for a new value."""
        root = self._parents.setdefault(v, v)
        while self._parents[root] is not root:
            root = self._parents[root]
        while self._parents[v] is not root:
            self._parents[v], v = root, self._parents[v]
        return root

    def tie(self, values: list[Value]) -> None:
        """Let ``values`` share a grid."""
        for v in values:
            self._parents[self.find(v)] = self.find(values[0])

    def holds(self, v: Value) -> bool:
        """Whether ``v`` is to lie on a grid."""
        return v in self._parents

    def groups(self) -> Iterator[list[Value]]:
        """The groups, in order of their first value."""
        members: dict[Value, list[Value]] = {}
        for v in list(self._parents):
            members.setdefault(self.find(v), []).append(v)
        return iter(members.values())


def sources(v: Value) -> list[Value]:
    """The values whose elements ``v`` holds, behind all ops that only move them; constants included."""
    found: dict[Value, None] = {}
    pending = [v]
    while pending:
        value = pending.pop()
        op = producer(value)
        if op is not None and (parts := joined(op)) is not None:
            pending += reversed(parts)
        elif op is not None and (origin := passed(op)) is not None:
            pending.append(origin)
        else:
            found[value] = None
    return list(found)


def no_integer_form(op: Op) -> str | None:
    """Why ``op`` has to stay float; None where it has an integer form."""
    match op:
        case Conv(_, w, b) | ConvTranspose(_, w, b) | Gemm(_, w, b) if not is_constant(w) or not (
            b is None or is_constant(b)
        ):
            return "its weights are not constant"
        case Gemm(_, _, c) if op.alpha != 1 or (c is not None and op.beta != 1) or op.transA:
            return "alpha, beta or transA of this Gemm have no integer form; run fold first"
        case Gemm(_, Const(w), Const(c)) if c.size != w.shape[0 if op.transB else 1]:
            return "its bias is not one number per output"
        case Softmax() if not _feeds_products(op):
            return "nothing but the outputs is behind it, and in float it keeps its order"
        case Softmax() if not isinstance(op.type.dims[op.axis], int):
            return "the size of its axis is not known, which the table of exponentials depends on"
        case LayerNormalization(x, scale, b):
            if not isinstance(scale, Const) or not (b is None or isinstance(b, Const)):
                return "its scale or bias is not constant"
            if op.axis % x.type.rank != x.type.rank - 1 or op.results_used > 1 or op.epsilon <= 0:
                return "only over the last axis, with one result and a positive epsilon, it has an integer form"
            size = x.type.dims[-1]
            return None if isinstance(size, int) and size < 2**15 else "its axis is too long for exact sums in int32"
        case ReduceMean() | ReduceSum() if op.axes is not None and op.axes.contents is None:
            return "which axes it reduces is computed"
        case ReduceMean() | ReduceSum() if not op.reduced_axes():
            return "it reduces no axis"
        case ReduceSum() if not all(isinstance(op.data.type.dims[a], int) for a in op.reduced_axes()):
            return "how many elements it sums is not known"
        case Resize() if op.coordinate_transformation_mode == "tf_crop_and_resize" or op.extrapolation_value:
            return "it reads beyond its operand"
        case Resize() if sum(a != b for a, b in zip(op.x.type.dims, op.type.dims, strict=True)) > 3:
            return "interpolation along more than three axes does not fit in int32"
        case Div() if argument(op) is None:
            return "a quotient of two values has too wide a range for a grid"
        case Conv() | ConvTranspose() | Gemm() | MatMul() | Add() | Sub() | Mul() | AveragePool() | GlobalAveragePool():
            return None
        case Softmax() | ReduceMean() | ReduceSum() | Resize():
            return None
    return None if is_pointwise(op) or channel_axis_of(op) is not None else f"{op.op_type} has no integer form"


def _feeds_products(op: Op) -> bool:
    """Whether an op with an integer form of its own, such as a product, comes behind ``op``, moves aside."""
    pending: list[Value] = list(op.results)
    while pending:
        for user in pending.pop().users:
            if passed(user) is not None or joined(user) is not None:
                pending += user.results
            elif isinstance(user, Conv | Gemm | MatMul | Add | Sub | Mul):
                return True
    return False


def integer_units(
    graph: Graph, exclude: frozenset[str] = frozenset(), kept: dict[Op, str] | None = None
) -> Iterator[tuple[Op, Op]]:
    """Each op that gets an integer form, with the last op of its unit; ops named in ``exclude`` stay float.

    What stays float, and why, goes to the notes of the pass and to ``kept``.
    """
    inside: set[Op] = set()
    for op in graph.ops:
        if op in inside or op.type.dtype is not DType.float32 or passed(op) is not None or joined(op) is not None:
            continue
        if is_constant(op) or isinstance(op, Binarize):  # a sign is on a grid: 1 and -1
            continue
        reason = "it is excluded" if op.name in exclude else no_integer_form(op)
        if reason is not None:
            notes.refused("quantize", op, reason)
            if kept is not None:
                kept[op] = reason
            continue
        unit = _unit(op, exclude)
        inside.update(unit)
        yield op, unit[-1]


def _unit(op: Op, exclude: frozenset[str]) -> list[Op]:
    """``op`` and the followers that its integer form takes in: a bias behind a MatMul, then a ReLU or clip."""
    unit = [op]
    follower = _only_user(op)
    if isinstance(op, MatMul) and isinstance(follower, Add) and _bias(follower, op) is not None:
        unit.append(follower)
        follower = _only_user(follower)
    if isinstance(follower, Relu | Clip) and isinstance(op, Conv | ConvTranspose | Gemm | Add | Sub | Mul | MatMul):
        unit.append(follower)
    while unit[-1].name in exclude:
        unit.pop()
    return unit


def place(units: list[tuple[Op, Op]]) -> Grids:
    """The grids that ``units`` ask for."""
    grids = Grids()
    for op, last in units:
        for v in _activations(op):
            grids.tie([s for s in sources(v) if s.type.dtype is DType.float32])
        if not (last is op and isinstance(op, Conv | Gemm) and _only_sign_counts(op)):
            grids.find(last)
    return grids


def _only_sign_counts(op: Op) -> bool:
    """Whether all that reads the result of ``op``, moved or not, takes its sign."""
    pending: list[Value] = [op]
    while pending:
        v = pending.pop()
        if v.graph is None or v.graph.is_output(v):
            return False
        for user in v.users:
            if moved(user) is not None:
                pending += user.results
            elif not isinstance(user, Binarize):
                return False
    return True
