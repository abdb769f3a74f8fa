"""Which values of the student are held against which values of the teacher."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.identity import Identity
from lissom.ir.ops.mask import Mask
from lissom.ir.ops.softmax import Softmax
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

    Without a Softmax classes are along axis 1 of maps (N, C, H, W ...) and along the last axis of anything smaller.
    """
    found = output
    while isinstance(op := producer(found), FakeQuant | Identity | Mask):
        found = op.operands[0]
    if isinstance(found, Softmax):
        return found.x, found.axis
    return output, 1 if output.type.rank >= 4 else -1


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
    """The last pair of each resolution: of all sizes but those of the channels of the student."""
    last: dict[object, Pair] = {}
    for a, b in pairs:
        last[(a.type.rank, a.type.dims[2:] if a.type.rank > 3 else a.type.dims[:-1])] = (a, b)
    return list(last.values())


def _grouped(graph: Graph, key: Callable[[Op], Hashable]) -> dict[Hashable, list[Op]]:
    found: dict[Hashable, list[Op]] = {}
    for op in graph.ops:
        if op.name and op.op_type not in REWRITTEN and _is_feature(op):
            found.setdefault(key(op), []).append(op)
    return found


def _is_feature(op: Op) -> bool:
    """Whether an op computes floats of a known rank above 1 from data."""
    return op.type.dtype.is_float and op.type.shape is not None and op.type.rank > 1 and bool(op.users)
