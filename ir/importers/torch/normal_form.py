"""Programs as translations want them: no writes to tensors seen elsewhere, no rare composite operators."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.export import ExportedProgram, default_decompositions

from lissom.ir.importers.torch.registry import find

_LIBRARY = torch.library.Library("lissom", "FRAGMENT")  # type: ignore[no-untyped-call]
_LIBRARY.define("dropout(Tensor x, float p, bool train) -> Tensor")  # type: ignore[no-untyped-call]
_LIBRARY.impl("dropout", lambda x, p, train: x.clone(), "CompositeExplicitAutograd")  # type: ignore[no-untyped-call]


def normal_form(program: ExportedProgram) -> ExportedProgram:
    """The program with in-place operators as plain ones, and what has no translation taken apart where PyTorch can.

    An in-place operator on a tensor that nothing else looks at is a plain one already, with the result standing for the
    tensor from there on. Only where a view or its base is read afterwards does PyTorch rewrite the whole program.
    """
    known = default_decompositions()
    mutates = _mutates_shared(program.graph_module.graph)
    table: dict[torch._ops.OperatorBase, object] = {}
    while True:
        unknown = {
            target
            for module in program.graph_module.modules()
            if isinstance(module, torch.fx.GraphModule)
            for node in module.graph.nodes
            if isinstance(target := node.target, torch._ops.OpOverload) and find(target) is None and target in known
        }
        if not mutates and unknown <= table.keys():
            return program
        table |= {target: known[target] for target in unknown}
        mutates = False
        with _dropout_kept(program), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = program.run_decompositions(dict(table))


@contextmanager
def _dropout_kept(program: ExportedProgram) -> Iterator[None]:
    """PyTorch's rewriting drops dropout in eval mode, but not an operator it does not know."""
    drops = [n for n in program.graph_module.graph.nodes if n.target is torch.ops.aten.dropout.default]
    try:
        for node in drops:
            node.target = torch.ops.lissom.dropout.default
        yield
    finally:
        for node in drops:
            node.target = torch.ops.aten.dropout.default


MAY_ALIAS = frozenset({"type_as", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"})
"""Operators whose result may be their first operand, though their schema does not say so."""


def mutated(node: torch.fx.Node) -> torch.fx.Node | None:
    """The node whose tensor an in-place operator writes into."""
    target = node.target
    if not isinstance(target, torch._ops.OpOverload) or not target._schema.is_mutable:
        return None
    for argument, given in zip(target._schema.arguments, node.args, strict=False):
        if argument.alias_info is not None and argument.alias_info.is_write and isinstance(given, torch.fx.Node):
            return given
    return None


def _mutates_shared(graph: torch.fx.Graph) -> bool:
    """Whether an in-place operator changes a tensor that is seen under another name later."""
    nodes = list(graph.nodes)
    order = {n: i for i, n in enumerate(nodes)}
    last_use = {n: max((order[u] for u in n.users), default=-1) for n in nodes}
    group: dict[torch.fx.Node, set[torch.fx.Node]] = {n: {n} for n in nodes}
    for node in nodes:
        for source in _aliased(node):
            merged = group[source] | group[node]
            for n in merged:
                group[n] = merged
        written = mutated(node)
        if written is None:
            continue
        others = group[written] - {node, written}
        if any(last_use[o] > order[node] for o in others) or any(_is_state(o) for o in others | {written}):
            return True
    return False


def _aliased(node: torch.fx.Node) -> Iterator[torch.fx.Node]:
    target = node.target
    if target is not None and getattr(target, "__name__", "") == "getitem" and node.args:
        first = node.args[0]
        if isinstance(first, torch.fx.Node):
            yield first
    if not isinstance(target, torch._ops.OpOverload):
        return
    for argument, given in zip(target._schema.arguments, node.args, strict=False):
        if isinstance(given, torch.fx.Node) and (argument.alias_info is not None or target._opname in MAY_ALIAS):
            yield given


def _is_state(node: torch.fx.Node) -> bool:
    """Whether a node is a parameter or buffer, which export calls ``p_...`` and ``b_...``, or an attribute."""
    return node.op == "get_attr" or (node.op == "placeholder" and str(node.target).startswith(("p_", "b_")))
