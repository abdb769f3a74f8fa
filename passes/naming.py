"""What a user calls an op in options: its name, that of the node it was read from, or its place among the layers."""

from __future__ import annotations

from collections.abc import Sequence

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.passes.options import closest

ENDS = ("first", "last")
"""Words that stand for the first and the last layer, where no op is called so."""


def named(graph: Graph, name: str, layers: Sequence[Op], option: str) -> list[Op]:
    """The ops called ``name``, or read from a node called so; else, for ``first`` and ``last``, that of ``layers``.

    Raises Error, in the name of ``option``, where there is none.
    """
    ops = list(graph.ops)
    nodes = {op: op.loc.where for op in ops if op.loc is not None and op.loc.source == "onnx node"}
    found = [op for op in ops if op.name == name] or [op for op in ops if nodes.get(op) == name]
    if not found and name in ENDS:
        found = list(layers[:1] if name == "first" else layers[-1:])
    if not found:
        known = dict.fromkeys([*(op.name for op in ops), *nodes.values(), *ENDS])
        raise Error(f"{option}: the graph has no op {name!r}{closest(name, list(known))}")
    return found
