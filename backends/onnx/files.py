"""Models to files: written beside their final place and renamed into it, so that nothing half-written is left."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path

from lissom.backends.onnx.tensors import Inline, Outside, Storage
from lissom.backends.onnx.write import write_model
from lissom.ir.errors import Error
from lissom.ir.graph import Graph

PROTO_LIMIT = 2**31 - 1
"""Bytes that one serialized proto can have at most."""

OUTSIDE_BYTES = 1024
"""Where weights go to a file beside the model, smaller ones stay in it."""


def save(graph: Graph, path: str | os.PathLike[str], *, external_data: bool | None = None) -> None:
    """Write the graph as an ONNX file.

    ``external_data``: True puts weights into ``<path>.data`` beside the model, False all into the model. By default
    those that lay beside the model go there again, and all when they are more than the 2 GB a model file can hold.

    Raises Error for a place that cannot be written to and a model beyond 2 GB that was to be one file, Unsupported for
    an op that ONNX has no words for. On an error the files that were there before stay as they were.
    """
    target = Path(path)
    if external_data is None and sum(c.data.nbytes for c in graph.consts) > PROTO_LIMIT - (1 << 26):
        external_data = True
    beside = target.with_name(f"{target.name}.data")
    written: list[tuple[Path, Path]] = []
    try:
        storage: Storage = Inline()
        if external_data is not False:
            written.append((_temporary(beside), beside))
            with written[0][0].open("wb") as file:
                storage = Outside(file, beside.name, OUTSIDE_BYTES if external_data else math.inf)
                model = write_model(graph, storage)
        else:
            model = write_model(graph, storage)
        if isinstance(storage, Outside) and not storage.size:
            written.pop()[0].unlink()
        if model.ByteSize() > PROTO_LIMIT:
            raise Error(f"{target}: the model takes more than the 2 GB one file can hold; use external_data=True")
        written.append((_temporary(target), target))
        written[-1][0].write_bytes(model.SerializeToString(deterministic=True))
        for temporary, final in written:
            os.replace(temporary, final)
    except OSError as e:
        raise Error(f"{target} cannot be written: {e.strerror or e}") from None
    finally:
        for temporary, _ in written:
            temporary.unlink(missing_ok=True)


def _temporary(final: Path) -> Path:
    """An empty new file in the folder of ``final``, with the permissions a plain ``open`` would give it."""
    handle, name = tempfile.mkstemp(prefix=f".{final.name}.", dir=final.parent)
    os.close(handle)
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(name, 0o666 & ~mask)
    return Path(name)
