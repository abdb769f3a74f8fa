"""ONNX models out: :func:`to_proto`, :func:`save` and :func:`to_graphsurgeon`."""

from __future__ import annotations

from lissom.backends.onnx.files import save
from lissom.backends.onnx.write import to_graphsurgeon, to_proto

__all__ = ["save", "to_graphsurgeon", "to_proto"]
