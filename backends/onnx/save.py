"""Models to files: written beside their final place and renamed into it, so that nothing half-written is left."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from lissom.backends.onnx.write import to_proto
from lissom.ir.errors import Error
from lissom.ir.graph import Graph


def save(graph: Graph, path: str | os.PathLike[str], *, external_data: bool | None = None) -> None:
    """Write the graph as an ONNX file."""
    target = Path(path)
    model = to_proto(graph, inline=True)
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as e:
        raise Error(f"{target} cannot be written: {e.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(model.SerializeToString())
        os.replace(temporary, target)
    except OSError as e:
        Path(temporary).unlink(missing_ok=True)
        raise Error(f"{target} cannot be written: {e.strerror}") from None
