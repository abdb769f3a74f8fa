"""Which values of the student are held against which values of the teacher."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

from lissom.ir.errors import Error
from lissom.ir.families.pooling import Pool
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.conv_transpose import ConvTranspose
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.identity import Identity
from lissom.ir.ops.layer_normalization import LayerNormalization
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.mat_mul import MatMul
from lissom.ir.ops.softmax import Softmax
from lissom.ir.ops.transpose import Transpose
from lissom.ir.printer import unique_names
from lissom.ir.values import Value, producer
from lissom.passes.options import closest

Pair = tuple[Value, Value]
"""A value of the student and one of the teacher."""

REWRITTEN = ("Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization")
"""Ops that folding merges with those behind them: one of this name may have come to stand for a later one."""


def output_pairs(student: Graph, teacher: Graph) -> list[Pair]:
    """The outputs, by name where both have the same names, else in order."""
    mine = dict(zip(student.output_names, student.outputs, strict=True))
    theirs = dict(zip(teacher.output_names, teacher.outputs, strict=True))
    if mine.keys() == theirs.keys():
        return [(v, theirs[n]) for n, v in mine.items() if v.type.dtype.is_float]
    if len(mine) != len(theirs):
        raise Error(f"the student has the outputs {', '.join(mine)}, the teacher {', '.join(theirs)}")
    return [(a, b) for a, b in zip(student.outputs, teacher.outputs, strict=True) if a.type.dtype.is_float]


def logits_of(output: Value) -> tuple[Value, int]:
    """What goes into the Softmax an output comes from, or the output itself, and the axis of the classes.

    Without a Softmax classes lie where channels do.
    """
    found = output
    while isinstance(op := producer(found), FakeQuant | Identity | Mask):
        found = op.operands[0]
    if isinstance(found, Softmax):
        return found.x, found.axis
    return output, channel_axis(output)


def channel_axis(v: Value) -> int:
    """The axis of the channels: 1 behind a convolution, as in (N, C, L), and the last behind a matrix product, as in
    (N, tokens, C). What keeps the shape is looked through; if nothing tells, maps of rank 4 or more have them at 1.
    """
    found = v
    while (op := producer(found)) is not None:
        match op:
            case Conv() | ConvTranspose() | BatchNormalization() | Pool():
                return 1
            case Gemm() | MatMul() | LayerNormalization():
                return -1
            case Transpose(x, perm):
                return perm.index(channel_axis(x) % x.type.rank)
        alike = [x for x in op.operands if x.type.shape == v.type.shape]
        if not alike:
            break
        found = alike[0]
    return 1 if v.type.rank > 3 else -1


def inner_pairs(student: Graph, teacher: Graph, layers: Mapping[str, str] | tuple[str, ...] | None) -> list[Pair]:
    """The values named in ``layers``, as the teacher's names by the student's or as names of both, as the text form of
    the graph has them; by default all that stand for each other (:func:`counterparts`).
    """
    if layers is None:
        return counterparts(student, teacher)
    mine, theirs = ({n: v for v, n in unique_names(g).items() if isinstance(v, Op)} for g in (student, teacher))
    named = layers if isinstance(layers, Mapping) else dict(zip(layers, layers, strict=True))
    for whose, known, names in (("student", mine, named.keys()), ("teacher", theirs, named.values())):
        for name in names:
            if name not in known:
                raise Error(f"layers: the {whose} has no op {name!r}{closest(name, list(known))}")
    return [(mine[a], theirs[b]) for a, b in named.items()]


def counterparts(student: Graph, teacher: Graph) -> list[Pair]:
    """The features that ops of the same name and type compute in both, but for those whose meaning folding may have
    changed. Several of one name are matched in order where there are equally many, else where their source tells them
    apart.
    """
    pairs: dict[Op, Op] = {}
    for key in (lambda op: (op.op_type, op.name), lambda op: (op.op_type, op.name, str(op.loc))):
        ours, theirs = (_grouped(g, key) for g in (student, teacher))
        for k, ops in ours.items():
            if len(ops) == len(theirs.get(k, ())) and not any(op in pairs for op in ops):
                pairs.update(zip(ops, theirs[k], strict=True))
    return [(op, pairs[op]) for op in student.ops if op in pairs]


def stage_ends(pairs: list[Pair]) -> list[Pair]:
    """The last pair of each resolution, which is all sizes but that of the channels, and alike in both; the number of
    channels is known."""
    last: dict[object, Pair] = {}
    for a, b in pairs:
        if _resolution(a) == _resolution(b) and all(isinstance(v.type.dims[channel_axis(v)], int) for v in (a, b)):
            last[_resolution(a)] = (a, b)
    return list(last.values())


def _resolution(v: Value) -> tuple[object, ...]:
    axis = channel_axis(v) % v.type.rank
    return axis, *(d for i, d in enumerate(v.type.dims) if i not in (0, axis))


def _grouped(graph: Graph, key: Callable[[Op], Hashable]) -> dict[Hashable, list[Op]]:
    found: dict[Hashable, list[Op]] = {}
    for op in graph.ops:
        if op.name and op.op_type not in REWRITTEN and _is_feature(op):
            found.setdefault(key(op), []).append(op)
    return found


def _is_feature(op: Op) -> bool:
    """Whether an op computes floats of a known rank above 1 from data."""
    return op.type.dtype.is_float and op.type.shape is not None and op.type.rank > 1 and bool(op.users)
