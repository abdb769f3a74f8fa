"""Reads the MODEL argument: loads it, puts the sizes given into its inputs, refuses weights that are not numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lissom.cli.options import Shapes
from lissom.ir.errors import Error

if TYPE_CHECKING:
    from lissom.ir.graph import Graph
    from lissom.ir.types import TensorType
    from lissom.ir.values import Input


def read_model(path: str, shapes: Shapes) -> Graph:
    """The model with the sizes of ``--shape`` put in. Raises Error for a size that does not fit and for NaN weights."""
    from lissom.ir.importers.onnx import load

    graph = load(path)
    _refuse_nan(graph)
    known = {i.name: i for i in graph.inputs}
    sizes: dict[str, int] = {}
    types: dict[str, TensorType] = {}
    for name, shape in shapes.items():
        if name not in known:
            wanted = ", ".join(f"{i.name}: {i.type}" for i in graph.inputs)
            raise Error(f"--shape: {path} has no input {name!r}; it takes {wanted}")
        if known[name].type.shape is None:
            types[name] = _typed(known[name], shape)
        else:
            _solve(known[name], shape, sizes)
    graph = load(path, sizes) if sizes else graph
    for i in graph.inputs:
        if i.name in types:
            graph.retype_input(i, types[i.name])
    return graph


def _typed(i: Input, shape: tuple[int, ...]) -> TensorType:
    from lissom.ir.types import TensorType

    return TensorType(i.type.dtype, shape)


def _solve(i: Input, shape: tuple[int, ...], sizes: dict[str, int]) -> None:
    """Find the sizes of symbols that make the input's type have this shape."""
    from lissom.ir.dims import bind, solve

    fits = len(i.type.dims) == len(shape)
    for dim, size in zip(i.type.dims, shape, strict=False):
        known = bind(dim, sizes)
        if (solved := solve(known, size)) is not None:
            sizes[solved[0]] = solved[1]
        else:
            fits = fits and known == size
    if not fits:
        text = "x".join(map(str, shape)) or "scalar"
        raise Error(f"--shape {i.name}={text} does not fit: input {i.name!r} is {i.type}")


def _refuse_nan(graph: Graph) -> None:
    import numpy as np

    for c in graph.consts:
        if c.type.dtype.is_float and np.isnan(c.data).any():
            at = [int(n) for n in np.argwhere(np.isnan(c.data))[0]]
            reader = next((f", read by {op.describe()}," for op in c.users), "")
            raise Error(f"constant {c.name!r}{reader} holds NaN at {at}; export the model again from sound weights")
