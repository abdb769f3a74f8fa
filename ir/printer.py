"""The text form of a graph. :mod:`lissom.ir.parser` reads it back; ``docs/ir-text.md`` shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from lissom.ir.op import Kind, Op
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Const, Value

if TYPE_CHECKING:
    from lissom.ir.graph import Graph

INLINE_LIMIT = 16
"""Constants of at most this many elements are printed whole; larger ones stay outside, by name."""

_PLAIN_NAME = re.compile(r"[\w./:$@+-]*[\w./$@+-]\Z")


def unique_names(graph: Graph) -> dict[Value, str]:
    """A distinct name for every value: its own hint where that is free, else the hint with a number."""
    names: dict[Value, str] = {}
    taken: set[str] = set()
    counts: dict[str, int] = {}
    values: list[Value] = [*graph.inputs, *graph.consts]
    for op in graph.ops:
        values += op.results
    for v in values:
        hint = v.name or (v.op_type.lower() if isinstance(v, Op) else "c" if isinstance(v, Const) else "v")
        name = hint
        while name in taken:
            counts[hint] = counts.get(hint, 0) + 1
            name = f"{hint}_{counts[hint]}"
        taken.add(name)
        names[v] = name
    return names


def is_inline(const: Const) -> bool:
    """Whether the text form holds the constant's elements."""
    return const.data.size <= INLINE_LIMIT and const.type.dtype not in (DType.complex64, DType.complex128)


def external_weights(graph: Graph) -> dict[str, Array]:
    """The constants that the text form leaves outside, by the name it prints."""
    names = unique_names(graph)
    return {names[c]: c.data for c in graph.consts if not is_inline(c)}


def print_graph(graph: Graph) -> str:
    """The whole graph as text."""
    names = unique_names(graph)
    lines = [f"graph {graph.name!r} stage={graph.stage.value} {{"]
    lines += [f"  input {_ref(names[i])}: {i.type}" for i in graph.inputs]
    lines += [f"  {line}" for line in _const_lines(graph.consts, names)]
    lines += [f"  {print_op(op, names)}" for op in graph.ops]
    lines += [f"  output {n!r} = {_ref(names[v])}" for n, v in zip(graph.output_names, graph.outputs, strict=True)]
    return "\n".join([*lines, "}", ""])


def print_op(op: Op, names: dict[Value, str]) -> str:
    """One op as a line: ``%y = Relu(%x): float32[1,8]``."""
    arguments: list[str] = []
    positional = True
    for f in type(op).fields:
        held = getattr(op, f.name)
        if f.kind is Kind.attribute:
            positional = False
            if f.required or held != f.default:
                arguments.append(f"{f.name}={_literal(held)}")
        elif held is None:
            positional = False
        else:
            text = _operands(held, names)
            arguments.append(text if positional else f"{f.name}={text}")
    results = ", ".join(_ref(names.get(r, r.name or "?")) for r in op.results)
    types = ", ".join(str(r.type) for r in op.results)
    # A line of the text an op was read from says nothing in another text.
    loc = f"  @ {str(op.loc)!r}" if op.loc and op.loc.source != "text" else ""
    return f"{results} = {type(op).__name__}({', '.join(arguments)}): {types}{loc}"


def print_around(graph: Graph, op: Op, message: str, context: int = 3) -> str:
    """The ops before and after ``op``, with ``message`` under it: what error messages show."""
    names = unique_names(graph)
    ops = graph.ops
    at = next((i for i, o in enumerate(ops) if o is op), None)
    if at is None:
        return f"{print_op(op, names)}\n^ {message}"
    lines = []
    for i in range(max(0, at - context), min(len(ops), at + context + 1)):
        line = print_op(ops[i], names)
        lines.append(f"  {line}")
        if i == at:
            lines.append("  " + "^" * min(len(line), 60) + f" {message}")
    return "\n".join(lines)


def _const_lines(consts: Iterable[Const], names: dict[Value, str]) -> Iterator[str]:
    for c in consts:
        line = f"const {_ref(names[c])}: {c.type}"
        if c.trainable:
            line += " trainable"
        yield f"{line} = {_literal(c.data.tolist())}" if is_inline(c) else line


def _ref(name: str) -> str:
    if _PLAIN_NAME.match(name):
        return f"%{name}"
    return f"%{json.dumps(name)}"


def _operands(held: Any, names: dict[Value, str]) -> str:
    if isinstance(held, tuple):
        inner = ", ".join("None" if v is None else _operands(v, names) for v in held)
        return f"({inner},)" if len(held) == 1 else f"({inner})"
    return _ref(names.get(held, held.name or "?"))


def _literal(value: Any) -> str:
    """Numbers, strings, dtypes, types and nested tuples or lists of them, so that the parser reads the same back."""
    if isinstance(value, tuple | list):
        inner = ", ".join(map(_literal, value))
        opening, closing = "()" if isinstance(value, tuple) else "[]"
        return f"{opening}{inner}{',' if isinstance(value, tuple) and len(value) == 1 else ''}{closing}"
    if isinstance(value, bool | str | bytes | int) or value is None:
        return repr(value)
    if isinstance(value, TensorType) and not value.shape:
        return f"{value.dtype}[{'...' if value.shape is None else '()'}]"  # [*] and [] are no Python
    if isinstance(value, float) or np.isscalar(value):
        return repr(float(value))  # type: ignore[arg-type]
    return str(value)
