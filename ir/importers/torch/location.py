"""Names and source lines for the ops that come out of an fx node."""

from __future__ import annotations

import os
import re
from typing import Any

import torch

from lissom.ir.importers.torch.registry import target_name
from lissom.ir.op import Kind
from lissom.ir.values import Const, Loc, Value, producer

_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
_TORCH = os.path.dirname(torch.__file__)


def location(node: torch.fx.Node) -> Loc | None:
    """The innermost line of the user's own code that led to ``node``; else the module it belongs to."""
    frames = [f for f in _FRAME.findall(node.meta.get("stack_trace") or "") if not f[0].startswith(_TORCH)]
    if frames:
        path, line = frames[-1]
        return Loc("torch", f"{os.path.relpath(path) if _is_below(path) else path}:{line}")
    path, kind = module_of(node)
    return Loc("torch", f"{kind.rsplit('.', 1)[-1]} {path!r}") if path else None


def _is_below(path: str) -> bool:
    return os.path.isabs(path) and path.startswith(os.getcwd() + os.sep)


def module_of(node: torch.fx.Node) -> tuple[str, str]:
    """Dotted path and class of the innermost module ``node`` was traced in; empty strings where unknown."""
    stack: dict[str, tuple[str, Any]] = node.meta.get("nn_module_stack") or {}
    named = [entry for entry in stack.values() if not entry[0].startswith("_empty_nn_module_stack")]
    if not named:
        return "", ""
    path, kind = named[-1]
    # A module called for the second time is written "layer@1".
    return path.split("@")[0], kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"


def readable_name(node: torch.fx.Node) -> str:
    """``layer1.0.conv1`` for the operator that is a layer of torch.nn, ``layer1.0.add`` for any other."""
    path, kind = module_of(node)
    operator = target_name(node.target).removeprefix("operator.").split(".")[0].strip("_")
    layer = kind.rsplit(".", 1)[-1].lower().rstrip("123d")
    if kind.startswith("torch.nn.modules") and operator.replace("_", "").startswith(layer):
        return path
    return f"{path}.{operator}" if path else operator


def christen(results: tuple[Value, ...], name: str, loc: Loc | None) -> None:
    """Name and locate the detached ops behind ``results``: the results as the node, what they need after itself."""
    heads = {op for r in results if (op := producer(r)) is not None}
    pending, seen = list(heads), set(heads)
    while pending:
        op = pending.pop()
        if op.graph is not None or op.loc is not None:
            continue
        op.named(name if op in heads else f"{name}.{op.op_type.lower()}", loc)
        for field in type(op).fields:
            held = getattr(op, field.name)
            for v in held if field.kind is Kind.variadic else (held,):
                if isinstance(v, Const) and not v.name:
                    v.name = f"{op.name}.{field.name}"
                elif isinstance(v, Value) and (made := producer(v)) is not None and made not in seen:
                    seen.add(made)
                    pending.append(made)


def describe(node: torch.fx.Node) -> str:
    """``aten.foo.default 'layer.foo' (torch model.py:12)``: for messages."""
    where = location(node)
    return f"{target_name(node.target)} {node.name!r}" + (f" ({where})" if where else "")
