"""Brings a graph to the stage ``lowered``: every size a number, nothing computed that constants decide."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lissom.backends.c.decompose import decompose
from lissom.ir.dims import SymDim, symbols
from lissom.ir.errors import Unsupported
from lissom.ir.graph import Graph, Stage
from lissom.ir.interpreter import run_op
from lissom.ir.op import Op
from lissom.ir.ops.codebook import Codebook
from lissom.ir.ops.opaque import Opaque
from lissom.ir.tensors import to_array, to_tensor
from lissom.ir.types import DType
from lissom.ir.values import Const, Value
from lissom.ir.verify import DECISIONS, verify

FOLD_LIMIT = 1 << 24
"""Results of more elements than this are left for run time."""

REALIZED_BY = {"Binarize": "encode", "FakeQuant": "integerize", "Mask": "shrink", "Ternarize": "encode"}
"""The pass that each kind of decision waits for."""


def lower(graph: Graph, sizes: Mapping[str, int] | None = None) -> Graph:
    """A lowered copy, with the symbols in ``sizes`` put in and batch symbols left over taken as 1.

    Raises Unsupported, naming the symbols, when other sizes stay open.
    """
    if not graph.outputs:
        raise Unsupported("the model has no output, so there is nothing to compute")
    lowered = graph.bind({**_batch_symbols(graph), **(sizes or {})})
    open_sizes = {s for i in lowered.inputs for d in i.type.dims for s in (symbols(d) if isinstance(d, SymDim) else ())}
    if open_sizes:
        example = f"sizes={{{', '.join(f'{s!r}: 32' for s in sorted(open_sizes))}}}"
        shapes = ", ".join(f"{i.name}: {i.type}" for i in lowered.inputs)
        raise Unsupported(
            f"C code needs numbers for the sizes {', '.join(sorted(open_sizes))} of the inputs ({shapes}): "
            f"give them with {example}, or a whole shape with --shape"
        )
    for op in lowered.ops:
        if getattr(op, "auto_pad", "NOTSET") != "NOTSET":  # the sizes are known now, so a new op has numbers for pads
            numbered = op.replace()
            lowered.replace(op, numbered.results if len(op.results) > 1 else numbered)
    decompose(lowered)
    _fold(lowered)
    lowered.prune()
    _refuse(lowered)
    lowered.stage = Stage.lowered
    verify(lowered)
    return lowered


def _refuse(graph: Graph) -> None:
    """Raise Unsupported, naming all ops that cannot be lowered; what only follows from them is left out."""
    meaningless = [op for op in graph.ops if isinstance(op, Opaque)]
    if meaningless:
        listed = "\n  ".join(f"{op.describe()}: {op.why}" if op.why else op.describe() for op in meaningless)
        raise Unsupported(
            f"{len(meaningless)} op(s) that lissom has no meaning for cannot be compiled to C:\n  {listed}"
        )
    undecided = [op for op in graph.ops if op.op_type in DECISIONS]
    if undecided:
        listed = "\n  ".join(op.describe() for op in undecided)
        missing = " and ".join(sorted({REALIZED_BY[op.op_type] for op in undecided}))
        raise Unsupported(
            f"{len(undecided)} op(s) are decisions to be realized before C can be written; "
            f"put {missing} at the end of the passes:\n  {listed}"
        )
    open_sizes = [op for op in graph.ops if any(r.type.static is None for r in op.results)]
    if open_sizes:
        listed = "\n  ".join(f"{op.describe()}: {op.type}" for op in open_sizes)
        raise Unsupported(f"sizes that depend on data cannot be compiled to C:\n  {listed}")


def _batch_symbols(graph: Graph) -> dict[str, int]:
    """Symbols that are the first size of an input and no later one, each with the size 1."""
    first: set[str] = set()
    later: set[str] = set()
    for i in graph.inputs:
        for axis, d in enumerate(i.type.dims):
            if isinstance(d, SymDim):
                (first if axis == 0 and d.is_atom else later).update(symbols(d))
    return dict.fromkeys(first - later, 1)


def _fold(graph: Graph) -> None:
    """Replace what shapes and constants decide by constants."""
    for op in graph.ops:
        if op.graph is not graph:
            continue
        known = _known(op)
        if known is None:
            continue
        graph.replace(op, known if len(known) > 1 else known[0])


def _known(op: Op) -> tuple[Value, ...] | None:
    contents = op.contents
    if contents is not None and len(op.results) == 1 and all(isinstance(d, int) for d in contents.flat):
        return (Const(np.array(contents.tolist(), dtype=op.type.dtype.numpy), op.name),)
    if isinstance(op, Codebook):
        return None  # its elements are stored encoded, and decoded at run time
    operands = op.operands
    if not all(isinstance(v, Const) for v in operands) or any(r.type.size() > FOLD_LIMIT for r in op.results):
        return None
    if any(v.type.dtype in (DType.string, DType.unknown) for v in (*operands, *op.results)):
        return None
    try:
        results = run_op(op, {v: to_tensor(v.data, v.type.dtype) for v in operands if isinstance(v, Const)})
    except Unsupported:
        return None
    return tuple(Const(to_array(t, r.type.dtype), r.name) for t, r in zip(results, op.results, strict=True))
