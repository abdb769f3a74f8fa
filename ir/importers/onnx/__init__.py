"""ONNX models in: :func:`load` and :func:`from_graphsurgeon`."""

from __future__ import annotations

from lissom.ir.importers.onnx.read import Source, from_graphsurgeon, load

__all__ = ["Source", "from_graphsurgeon", "load"]
