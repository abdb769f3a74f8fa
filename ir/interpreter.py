"""Runs a graph on torch tensors, op by op: the meaning every back end is tested against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from lissom.ir.dims import Dim, SymDim, bind, solve
from lissom.ir.errors import DataError, Error, Unsupported
from lissom.ir.graph import Graph
from lissom.ir.op import Kind, Op
from lissom.ir.tensors import to_array, to_tensor
from lissom.ir.types import Array, dtype_of
from lissom.ir.values import Const, Input, Value

Observer = Callable[[Value, torch.Tensor], None]
"""Called with every value an op has just computed, in graph order."""


def evaluate(graph: Graph, *inputs: Any, observe: Observer | None = None) -> list[Array]:
    """Run the graph on numpy arrays, one per graph input in order; returns one array per output.

    Raises DataError for inputs of the wrong number, dtype or shape, Unsupported for an op without a meaning.
    """
    _check_computable(graph)
    feed = check_inputs(graph, inputs)
    tensors = {i: to_tensor(a, i.type.dtype) for i, a in feed.items()}
    with torch.no_grad():
        results = execute(graph, tensors, observe=observe)
    return [to_array(t, v.type.dtype) for t, v in zip(results, graph.outputs, strict=True)]


def execute(
    graph: Graph,
    inputs: Mapping[Input, torch.Tensor],
    *,
    constant: Callable[[Const], torch.Tensor] | None = None,
    observe: Observer | None = None,
) -> list[torch.Tensor]:
    """Run the graph on tensors, differentiably; a tensor is dropped after its last use.

    ``constant`` supplies the tensor of a constant (a parameter being trained, say); the default is its data.
    """
    supply = constant or (lambda c: to_tensor(c.data, c.type.dtype))
    left = Counter(v for op in graph.ops for v in op.operands)
    left.update(graph.outputs)
    env: dict[Value, torch.Tensor] = {i: t for i, t in inputs.items()}  # noqa: C416  # Input is narrower than Value
    for op in graph.ops:
        for v in op.operands:
            if isinstance(v, Const) and v not in env:
                env[v] = supply(v)
        for r, t in zip(op.results, run_op(op, env), strict=True):
            env[r] = t
            if observe is not None:
                observe(r, t)
        left.subtract(op.operands)
        for v in dict.fromkeys((*op.operands, *op.results)):
            if left[v] <= 0:
                env.pop(v, None)
    return [env[v] if v in env else supply(v) for v in graph.outputs]  # type: ignore[arg-type]


def run_op(op: Op, env: Mapping[Value, torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """All results of one op; an error of torch names the op and where it comes from."""
    arguments: list[Any] = []
    for f in type(op).fields:
        held = getattr(op, f.name)
        if f.kind is Kind.variadic:
            arguments.append(tuple(None if v is None else env[v] for v in held))
        elif f.kind is not Kind.attribute:
            arguments.append(None if held is None else env[held])
    try:
        results = op.run(*arguments)
    except Error:
        raise
    except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError) as e:
        shapes = ", ".join(str(v.type) for v in op.operands)
        raise Unsupported(f"{op.describe()} cannot be evaluated on {shapes}: {e}") from e
    return results if isinstance(results, tuple) else (results,)


def _check_computable(graph: Graph) -> None:
    """Refuse, naming the op, a graph with values that no torch tensor can carry: strings, sequences, optionals."""
    for op in graph.ops:
        for v in (*op.operands, *op.results):
            try:
                _ = v.type.dtype.torch
            except Unsupported as e:
                raise Unsupported(f"{op.describe()} cannot be evaluated: {getattr(op, 'why', '') or e}") from e


def check_inputs(graph: Graph, inputs: Mapping[str, Any] | tuple[Any, ...]) -> dict[Input, Array]:
    """The arrays by graph input, checked against its type; one size stands behind each symbol."""
    if isinstance(inputs, Mapping):
        unknown = inputs.keys() - {i.name for i in graph.inputs}
        missing = [i.name for i in graph.inputs if i.name not in inputs]
        if unknown or missing:
            wanted = ", ".join(f"{i.name}: {i.type}" for i in graph.inputs)
            raise DataError(f"graph {graph.name!r} takes {wanted}; missing {missing}, unknown {sorted(unknown)}")
        inputs = tuple(inputs[i.name] for i in graph.inputs)
    if len(inputs) != len(graph.inputs):
        wanted = ", ".join(f"{i.name}: {i.type}" for i in graph.inputs)
        raise DataError(f"graph {graph.name!r} takes {len(graph.inputs)} inputs ({wanted}), got {len(inputs)}")
    sizes: dict[str, int] = {}
    feed: dict[Input, Array] = {}
    for i, given in zip(graph.inputs, inputs, strict=True):
        array = np.asarray(given)
        if dtype_of(array) is not i.type.dtype:
            raise DataError(f"input {i.name!r} is {i.type}, got elements of type {array.dtype}")
        if i.type.shape is not None:
            _check_shape(i, array.shape, sizes)
        feed[i] = array
    return feed


def _check_shape(i: Input, shape: tuple[int, ...], sizes: dict[str, int]) -> None:
    dims: tuple[Dim, ...] = i.type.dims
    fits = len(dims) == len(shape)
    for d, size in zip(dims, shape, strict=False):
        if isinstance(d, SymDim):
            d = bind(d, sizes)
        if isinstance(d, SymDim) and (solved := solve(d, size)) is not None:
            sizes[solved[0]] = solved[1]
            d = size
        fits &= isinstance(d, SymDim) or d == size
    if not fits:
        known = f" with {', '.join(f'{k}={v}' for k, v in sizes.items())}" if sizes else ""
        raise DataError(f"input {i.name!r} is {i.type}{known}, got shape {list(shape)}")
