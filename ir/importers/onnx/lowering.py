"""Nodes that stand for several ops at every opset: one function for each kind, which builds them.

Where only older opsets mean something else, :mod:`~lissom.ir.importers.onnx.upgrade` has the function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lissom.ir.importers.onnx.form import Form
from lissom.ir.values import Value

Lowering = Callable[[Form], "Sequence[Value | None]"]
"""Builds the node's outputs, detached; None for one that is left out. Raises Unsupported, saying why not."""

LOWERINGS: dict[str, Lowering] = {}


def lowers(*kinds: str) -> Callable[[Lowering], Lowering]:
    """Register the lowering of nodes of ``kinds``."""

    def register(function: Lowering) -> Lowering:
        LOWERINGS.update(dict.fromkeys(kinds, function))
        return function

    return register
