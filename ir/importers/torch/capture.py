"""From a module and example arguments to an ExportedProgram whose operators have no side effects."""

from __future__ import annotations

import os
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.export import ExportedProgram

from lissom.ir.errors import Error, Unsupported

_TORCH = os.path.dirname(torch.__file__)


def capture(
    module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], dynamic_shapes: Any
) -> ExportedProgram:
    """Export ``module`` as it computes in eval mode; composite operators such as ``batch_norm`` stay whole.

    Raises Unsupported where the module cannot be captured as one graph, with the line of the module's source at fault.
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise Unsupported("a ScriptModule has no Python source to capture; give the torch.nn.Module it was made from")
    with _evaluating(module), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            program: ExportedProgram = torch.export.export(module, args, kwargs, dynamic_shapes=dynamic_shapes)
            return program
        except Exception as e:  # whatever the user's forward raises, and torch's many ways to refuse
            raise _refusal(module, e) from e


@contextmanager
def _evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Every submodule in eval mode, without fused kernels that hide what is computed; all put back afterwards."""
    modes = [(m, m.training) for m in module.modules()]
    fast = torch.backends.mha.get_fastpath_enabled()
    try:
        module.eval()
        torch.backends.mha.set_fastpath_enabled(False)
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for m, training in modes:
            m.training = training


def _refusal(module: torch.nn.Module, error: Exception) -> Error:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith((_TORCH, __file__))]
    where = f" at {frames[-1].filename}:{frames[-1].lineno} ({frames[-1].line})" if len(frames) > 0 else ""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    name = type(module).__name__
    if "DataDependent" in type(error).__name__ or "data-dependent" in str(error).lower():
        return Unsupported(
            f"{name}.forward decides by the values of its tensors{where}, so it is not one graph: {first} "
            "Use torch.where instead of `if`, and shapes that do not depend on data."
        )
    if "dynamic_shapes" in str(error) or "Constraints violated" in str(error):
        return Error(f"dynamic_shapes do not fit {name}: {str(error).strip()}")
    return Error(
        f"{name} cannot be captured{where}: {type(error).__name__}: {first}. "
        "Check that module(*example_args, **example_kwargs) runs, and that torch.export.export accepts it."
    )


def without_mutation(program: ExportedProgram) -> ExportedProgram:
    """The program with its in-place operators as plain ones.

    An in-place operator on a tensor that nothing else looks at is a plain one already, with the result standing for the
    tensor from there on. Only where a view or its base is read afterwards does PyTorch rewrite the whole program.
    """
    if not _mutates_shared(program.graph_module.graph):
        return program
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return program.run_decompositions({})


MAY_ALIAS = frozenset({"dropout", "feature_dropout", "alpha_dropout", "type_as", "feature_alpha_dropout"})
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


def check_example(module: torch.nn.Module, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The example arguments as a tuple and a dict; a single tensor stands for a tuple of it."""
    if isinstance(args, torch.Tensor):
        args = (args,)
    if not isinstance(args, tuple | list):
        raise Error(f"example_args is a tuple of the arguments of {type(module).__name__}, got {type(args).__name__}")
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise Error(f"example_kwargs is a dict of the keyword arguments, got {type(kwargs).__name__}")
    return tuple(args), dict(kwargs or {})
