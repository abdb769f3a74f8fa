"""Walks the nodes of an fx graph and lets each one's translation build lissom ops."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import torch

import lissom.ir.importers.torch.translations  # noqa: F401  # fills the registry
from lissom.ir.errors import Error, Unsupported
from lissom.ir.graph import Graph
from lissom.ir.importers.torch.location import christen, describe, location, readable_name
from lissom.ir.importers.torch.normal_form import mutated
from lissom.ir.importers.torch.operands import dtype_of
from lissom.ir.importers.torch.registry import find, target_name
from lissom.ir.tensors import to_array
from lissom.ir.values import Const, Value, producer

ABOUT_STORAGE = frozenset({"device", "layout", "pin_memory", "memory_format", "non_blocking", "copy"})
"""Keyword arguments that say where and how elements are stored, which is nothing to a graph."""

WRAPPERS = frozenset({"higher_order.wrap_with_set_grad_enabled", "higher_order.wrap_with_autocast"})
"""Regions of ``with torch.no_grad()`` and the like: what is inside is computed as if it stood outside."""


class _Failed:
    """Stands for the result of a node that could not be translated."""


FAILED = _Failed()


class Lowering:
    """One fx graph on its way into a graph; ``env`` maps nodes to values, Python values and tuples of them."""

    def __init__(self, graph: Graph, owner: torch.nn.Module) -> None:
        self.graph = graph
        self.owner = owner
        self.env: dict[torch.fx.Node, Any] = {}
        self.faults: dict[str, list[str]] = {}

    def run(self) -> tuple[Any, ...]:
        """Translate everything the results depend on; raises Unsupported with all that cannot be, at once."""
        assert isinstance(self.owner, torch.fx.GraphModule)
        results = self._walk(self.owner, self.env)
        if self.faults:
            count = sum(map(len, self.faults.values()))
            lines = "\n".join(f"  {what}\n    " + "\n    ".join(where) for what, where in self.faults.items())
            raise Unsupported(
                f"{count} operators of {self.graph.name} cannot be translated:\n{lines}\n"
                "Rewrite these lines with operators lissom knows, or register a translation (docs/add-an-op.md)."
            )
        return results

    def _walk(self, owner: torch.fx.GraphModule, env: dict[torch.fx.Node, Any]) -> tuple[Any, ...]:
        needed = _needed(owner.graph.nodes)
        for node in owner.graph.nodes:
            if node.op == "output":
                return tuple(_resolve(v, env) for v in node.args[0])
            if node.op == "get_attr":
                env[node] = self._attribute(owner, str(node.target))
            elif node.op != "placeholder" and node in needed:
                env[node] = self._translate(node, env)
                written = mutated(node)
                if written is not None:
                    env[written] = env[node]
        raise Error("an fx graph without an output node")

    def _attribute(self, owner: torch.nn.Module, target: str) -> Any:
        held: Any = owner
        for part in target.split("."):
            held = getattr(held, part)
        if isinstance(held, torch.Tensor):
            return Const(to_array(held, dtype_of(held.dtype)).copy(), target)
        return held

    def _translate(self, node: torch.fx.Node, env: dict[torch.fx.Node, Any]) -> Any:
        args = _resolve(node.args, env)
        kwargs = {k: _resolve(v, env) for k, v in node.kwargs.items() if k not in ABOUT_STORAGE}
        if node.target is operator.getitem:
            return FAILED if args[0] is FAILED else args[0][args[1]]
        if target_name(node.target) in WRAPPERS:
            inner = next(a for a in args if isinstance(a, torch.fx.GraphModule))
            given = args[args.index(inner) + 1 :]
            slots = [n for n in inner.graph.nodes if n.op == "placeholder"]
            return self._walk(inner, dict(zip(slots, given, strict=True)))
        translation = find(node.target)
        if translation is None:
            return self._fault(f"{target_name(node.target)}: no translation", node)
        if any(_contains_failed(a) for a in (args, tuple(kwargs.values()))):
            return FAILED
        try:
            result = translation(*args, **kwargs)
        except Unsupported as e:
            return self._fault(f"{target_name(node.target)}: {e}", node)
        except Error as e:
            raise type(e)(f"{describe(node)}: {e}") from e
        found = result if isinstance(result, tuple) else (result,)
        christen(tuple(v for v in found if v is not None), readable_name(node), location(node))
        for v in found:
            op = producer(v) if v is not None else None
            if op is not None and op.graph is None:
                self.graph.append(op)
        _compare(node, found)
        return result

    def _fault(self, what: str, node: torch.fx.Node) -> _Failed:
        where = location(node)
        self.faults.setdefault(what, []).append(f"{node.name} ({where})" if where else node.name)
        return FAILED


def _needed(nodes: Iterable[torch.fx.Node]) -> set[torch.fx.Node]:
    """The nodes that the output depends on; assertions and guards are not among them."""
    needed: set[torch.fx.Node] = set()
    for node in reversed(list(nodes)):
        if node.op == "output" or node in needed or mutated(node) in needed:
            needed.add(node)
            needed.update(node.all_input_nodes)
    return needed


def _resolve(argument: Any, env: dict[torch.fx.Node, Any]) -> Any:
    if isinstance(argument, torch.fx.Node):
        return env[argument]
    if isinstance(argument, list | tuple):
        return tuple(_resolve(a, env) for a in argument)
    return argument


def _contains_failed(argument: Any) -> bool:
    return argument is FAILED or (isinstance(argument, tuple) and any(map(_contains_failed, argument)))


def _compare(node: torch.fx.Node, found: tuple[Any, ...]) -> None:
    """Check the types inferred against those PyTorch computed; a difference is a bug in a translation."""
    val = node.meta.get("val")
    for expected, v in zip(val if isinstance(val, tuple | list) else (val,), found, strict=False):
        if not isinstance(expected, torch.Tensor) or not isinstance(v, Value):
            continue
        fits = v.type.dtype is dtype_of(expected.dtype) and v.type.shape is not None and v.type.rank == expected.ndim
        for mine, theirs in zip(v.type.shape or (), expected.shape, strict=False):
            fits &= not isinstance(mine, int) or not isinstance(theirs, int) or mine == theirs
        if not fits:
            raise Error(
                f"{describe(node)} was translated to {v.type}, PyTorch says {dtype_of(expected.dtype)}"
                f"{list(expected.shape)}: please report this"
            )
