"""lissom: a compression compiler for neural networks.

    import lissom as ls
    g = ls.load("model.onnx")
    g = ls.run("fold, quantize(int8)", g, data="calib.npz")
    ls.emit(g, "out/")

Names are imported when they are first used, so that ``import lissom`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lissom.backends.c.artifact import Artifact
    from lissom.backends.c.emit import emit
    from lissom.backends.onnx import save, to_graphsurgeon
    from lissom.backends.torch import to_torch
    from lissom.ir.errors import Error, Unsupported
    from lissom.ir.graph import Graph
    from lissom.ir.importers.onnx import from_graphsurgeon, load
    from lissom.ir.importers.torch import from_torch
    from lissom.ir.interpreter import evaluate
    from lissom.ir.parser import parse_graph
    from lissom.ir.verify import verify
    from lissom.passes.runner import run

__version__ = "0.1.0"

__all__ = [
    "Artifact",
    "Error",
    "Graph",
    "Unsupported",
    "emit",
    "evaluate",
    "from_graphsurgeon",
    "from_torch",
    "load",
    "parse_graph",
    "run",
    "save",
    "to_graphsurgeon",
    "to_torch",
    "verify",
]

_HOMES = {
    "lissom.backends.c.artifact": ("Artifact",),
    "lissom.backends.c.emit": ("emit",),
    "lissom.backends.onnx": ("save", "to_graphsurgeon"),
    "lissom.backends.torch": ("to_torch",),
    "lissom.ir.errors": ("Error", "Unsupported"),
    "lissom.ir.graph": ("Graph",),
    "lissom.ir.importers.onnx": ("from_graphsurgeon", "load"),
    "lissom.ir.importers.torch": ("from_torch",),
    "lissom.ir.interpreter": ("evaluate",),
    "lissom.ir.parser": ("parse_graph",),
    "lissom.ir.verify": ("verify",),
    "lissom.passes.runner": ("run",),
}
"""The module each public name lives in; the imports for type checkers above say the same."""


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(importlib.import_module(home), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'lissom' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
