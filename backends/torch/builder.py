"""``to_torch``: parameters in a tree of modules, and one call for each op."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.fx.graph import _PyTreeCodeGen, _PyTreeInfo

from lissom.backends.torch.layers import Layer, layer_for
from lissom.backends.torch.naming import Tree, identifier
from lissom.backends.torch.signature import expect
from lissom.ir.graph import Graph
from lissom.ir.importers.torch.modules import RECORD, Record, module_for
from lissom.ir.importers.torch.origin import Plain, TorchOrigin
from lissom.ir.op import Kind, Op
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.fake_quant import FakeQuant
from lissom.ir.ops.fold_batch_normalization import FoldBatchNormalization
from lissom.ir.printer import INLINE_LIMIT, unique_names
from lissom.ir.tensors import to_tensor
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Const, Value


def to_torch(graph: Graph) -> torch.fx.GraphModule:
    """The graph as a module in eval mode, with its own copy of the weights.

    Trainable constants are parameters and the others buffers, under their dotted names; shapes, axes and scalars that
    belong to the structure are held by the module of the op that reads them. BatchNormalization and Dropout are layers
    of torch.nn where these fit, and follow ``.train()`` and ``.eval()`` in any case. A graph that came from torch is
    called as the module was and returns the same structure; any other takes tensors in the order of its inputs and
    returns a tensor, or a tuple of several. :func:`lissom.ir.importers.torch.from_torch` reads the result back.
    """
    return _Builder(graph).module


class _Builder:
    def __init__(self, graph: Graph) -> None:
        self.source = graph
        origin = graph.origin if isinstance(graph.origin, TorchOrigin) else None
        self.origin = origin if origin is not None and _fits(origin, graph) else None
        self.state = origin.state if origin is not None else frozenset()
        self.transient = origin.transient if origin is not None else frozenset()
        self.tree = Tree()
        self.fx = torch.fx.Graph()
        self.nodes: dict[Value, torch.fx.Node] = {}
        self.paths: dict[Const, str] = {}
        self.volatile: list[tuple[str, torch.Tensor]] = []
        self.consts: dict[str, tuple[str, DType]] = {}
        self.names = unique_names(graph)
        self.layers = {op: layer for op in graph.ops if (layer := layer_for(op)) is not None}
        held = {c for layer in self.layers.values() for c in layer.consts}
        for const in graph.consts:
            if const not in held and not self._only_fixed(const):
                self._place(const)
        for layer in self.layers.values():
            holder, attribute, layer.path = self.tree.place(layer.path or self.names[layer.op])
            holder.add_module(attribute, layer.module)
        self.ops = self.tree.container("ops")
        inputs = self._inputs()
        for op in graph.ops:
            self._call(op)
        self._outputs()
        self.fx.lint()
        self.module = self._finish(inputs)

    def _only_fixed(self, const: Const) -> bool:
        """Whether every op that reads the constant holds it itself."""
        return not self.source.is_output(const) and all(
            const in self._fixed(op).values() and const not in self._passed(op) for op in const.users
        )

    def _fixed(self, op: Op) -> dict[str, Const]:
        """Operands that are structure: shapes, axes, scalars and the like, unless the module had them."""
        if isinstance(op, BatchNormalization):
            return {}
        fields = [f.name for f in type(op).fields if f.kind in (Kind.operand, Kind.optional)]
        held = {name: v for name in fields if isinstance(v := getattr(op, name), Const)}
        return {name: c for name, c in held.items() if self._is_structure(c)}

    def _is_structure(self, const: Const) -> bool:
        made = const.name in self.transient and const.type.rank <= 1 and const.data.size <= INLINE_LIMIT
        small = const.contents is not None or const.type.rank == 0
        return (made or small) and not const.trainable and const.name not in self.state

    def _passed(self, op: Op) -> list[Value]:
        fixed = self._fixed(op)
        passed: list[Value] = []
        for f in type(op).fields:
            held = getattr(op, f.name)
            if f.kind is Kind.variadic:
                passed += [v for v in held if v is not None]
            elif f.kind is not Kind.attribute and held is not None and f.name not in fixed:
                passed.append(held)
        return passed

    def _place(self, const: Const) -> None:
        """A parameter or a buffer for a constant, under its name."""
        tensor = to_tensor(const.data, const.type.dtype).clone()
        holder, attribute, path = self.tree.place(const.name or self.names[const])
        norms = (BatchNormalization, FoldBatchNormalization)
        statistic = any(isinstance(u, norms) and const in (u.input_mean, u.input_var) for u in const.users)
        zero_point = any(isinstance(u, FakeQuant) and const is u.zero_point for u in const.users)
        if const.trainable and not statistic and (tensor.is_floating_point() or zero_point):
            learns = tensor if tensor.is_floating_point() else tensor.float()  # FakeQuant rounds it
            holder.register_parameter(attribute, torch.nn.Parameter(learns))
        else:
            persistent = const.name not in self.transient
            holder.register_buffer(attribute, tensor, persistent=persistent)
            if not persistent:
                self.volatile.append((path, tensor))
        self.paths[const] = path
        self.consts[path] = (const.name, const.type.dtype)

    def _inputs(self) -> tuple[tuple[str, TensorType] | None, ...]:
        by_name = {i.name: i for i in self.source.inputs}
        leaves = self.origin.inputs if self.origin else tuple(by_name)
        slots: list[tuple[str, TensorType] | None] = []
        for i, leaf in enumerate(leaves):
            if isinstance(leaf, Plain):
                given = self.fx.placeholder(f"plain_{i}")
                if isinstance(leaf.value, bool | int | float | str | None):
                    self.fx.call_function(expect, (given, leaf.value))
                slots.append(None)
            else:
                value = by_name[leaf]
                self.nodes[value] = self.fx.placeholder(identifier(leaf))
                slots.append((leaf, value.type))
        return tuple(slots)

    def _read(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(self._read, value))
        if value is None:
            return None
        if value not in self.nodes:
            assert isinstance(value, Const)
            self.nodes[value] = self.fx.get_attr(self.paths[value])
        return self.nodes[value]

    def _call(self, op: Op) -> None:
        name = identifier(self.names[op])
        layer = self.layers.get(op)
        if layer is not None:
            node = self.fx.create_node("call_module", layer.path, (self._read(layer.x),), {}, name=name)
        else:
            fixed = self._fixed(op)
            fields = [f for f in type(op).fields if f.kind is not Kind.attribute and f.name not in fixed]
            arguments = tuple(self._read(getattr(op, f.name)) for f in fields)
            holder = self.tree.root.get_submodule(self.ops)
            attribute = name
            while hasattr(holder, attribute):
                attribute += "_"
            holder.add_module(attribute, module_for(op, fixed))
            node = self.fx.create_node("call_module", f"{self.ops}.{attribute}", arguments, {}, name=name)
        self.nodes[op] = node
        if len(op.results) > 1:
            for i, r in enumerate(op.results):
                if r.users or self.source.is_output(r):
                    self.nodes[r] = self.fx.call_function(operator.getitem, (node, i))

    def _outputs(self) -> None:
        values = [self._read(v) for v in self.source.outputs]
        if self.origin is None:
            self.fx.output(values[0] if len(values) == 1 else tuple(values))
            return
        by_name = dict(zip(self.source.output_names, values, strict=True))
        self.fx.output([leaf.value if isinstance(leaf, Plain) else by_name[leaf] for leaf in self.origin.outputs])

    def _finish(self, inputs: tuple[tuple[str, TensorType] | None, ...]) -> torch.fx.GraphModule:
        if self.origin is not None:
            codegen = _PyTreeCodeGen(
                _PyTreeInfo(_argument_names(self.origin, self.fx), self.origin.in_spec, self.origin.out_spec)
            )
            self.fx.set_codegen(codegen)
        module = torch.fx.GraphModule(self.tree.root, self.fx, class_name=identifier(self.source.name))
        for path, tensor in self.volatile:
            _set(module, path, tensor, persistent=False)
        paths = {c.name: path for c, path in self.paths.items()}
        for alias, first in (self.origin.aliases if self.origin else {}).items():
            if first in paths:
                _tie(module, alias, paths[first])
        module.meta[RECORD] = Record(
            self.source.name,
            self.source.stage,
            self.source.origin if isinstance(self.source.origin, TorchOrigin) else None,
            inputs,
            self.source.output_names,
            self.consts,
        )
        return module.eval()


def _fits(origin: TorchOrigin, graph: Graph) -> bool:
    """Whether the graph still has the inputs and outputs it came with."""
    inputs = {leaf for leaf in origin.inputs if isinstance(leaf, str)}
    outputs = {leaf for leaf in origin.outputs if isinstance(leaf, str)}
    return inputs == {i.name for i in graph.inputs} and outputs == set(graph.output_names)


def _argument_names(origin: TorchOrigin, graph: torch.fx.Graph) -> list[str]:
    """A name for each positional argument: that of its placeholder where it is a single tensor."""
    placeholders = [n.name for n in graph.nodes if n.op == "placeholder"]
    args, kwargs = origin.in_spec.children()
    names, at = [], 0
    for i, child in enumerate(args.children()):
        names.append(placeholders[at] if child.is_leaf() else f"arg_{i}")
        at += child.num_leaves
    return names + list(kwargs.context or ())


def _set(module: torch.nn.Module, path: str, tensor: torch.Tensor, *, persistent: bool) -> None:
    holder, _, attribute = path.rpartition(".")
    parent = module.get_submodule(holder)
    if attribute in parent._buffers:
        parent.register_buffer(attribute, tensor, persistent=persistent)


def _tie(module: torch.nn.Module, alias: str, path: str) -> None:
    """Give a parameter or buffer its further name too."""
    holder, _, attribute = alias.rpartition(".")
    parent: torch.nn.Module = module
    for part in filter(None, holder.split(".")):
        if part not in parent._modules:
            parent.add_module(part, torch.nn.Module())
        parent = parent.get_submodule(part)
    first, _, last = path.rpartition(".")
    owner = module.get_submodule(first)
    if hasattr(parent, attribute):
        return
    if last in owner._parameters:
        parent.register_parameter(attribute, owner._parameters[last])
    else:
        parent.register_buffer(attribute, owner._buffers[last])


__all__ = ["Layer", "to_torch"]
