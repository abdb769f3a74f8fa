"""Symbolic sizes: PyTorch's ``s77`` under the name the user gave in ``dynamic_shapes``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.export import Dim as ExportDim
from torch.utils import _pytree as pytree

from lissom.ir.dims import Dim, bind, parse_dim, symbol


class SizeNames:
    """The dim for each size PyTorch writes; symbols without a name of the user's are called ``input_axis``."""

    def __init__(self, given: Mapping[tuple[int, int], str] | None = None) -> None:
        self._given = given or {}
        self._names: dict[str, Dim] = {}

    def learn(self, leaf: int, name: str, shape: torch.Size) -> None:
        """Note the symbols that input number ``leaf`` brings in, those the user named first."""
        for axis, size in enumerate(shape):
            written = str(size)
            if written.isidentifier() and ((leaf, axis) in self._given or written not in self._names):
                self._names[written] = symbol(self._given.get((leaf, axis), f"{name}_{axis}"))

    def dim(self, size: int | torch.SymInt) -> Dim:
        """``size`` as a dim."""
        return size if isinstance(size, int) else bind(parse_dim(str(size)), self._names)


def user_names(
    module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], dynamic_shapes: Any
) -> dict[tuple[int, int], str]:
    """Names in ``dynamic_shapes`` by (number of the flat input, axis)."""
    if not dynamic_shapes:
        return {}
    leaves = [id(leaf) for leaf in pytree.tree_leaves((args, kwargs))]
    given: Any = (*args, *kwargs.values())
    if isinstance(dynamic_shapes, Mapping):
        given = inspect.signature(module.forward).bind(*args, **kwargs).arguments
        for key in ("kwargs", "args"):
            if key in given and key not in dynamic_shapes and isinstance(given[key], dict):
                given = {**given, **given[key]}
    found = {}
    for tensor, axis, name in _walk(dynamic_shapes, given):
        found[leaves.index(id(tensor)), axis] = name
    return found


def _walk(spec: Any, given: Any) -> Iterator[tuple[torch.Tensor, int, str]]:
    if isinstance(given, torch.Tensor):
        axes = spec.items() if isinstance(spec, Mapping) else enumerate(spec or ())
        for axis, dim in axes:
            if isinstance(dim, ExportDim) and dim.__name__.isidentifier():
                yield given, axis, dim.__name__
    elif isinstance(spec, Mapping) and isinstance(given, Mapping):
        for key in spec:
            if key in given:
                yield from _walk(spec[key], given[key])
    elif isinstance(spec, list | tuple) and isinstance(given, list | tuple):
        for s, g in zip(spec, given, strict=False):
            yield from _walk(s, g)
