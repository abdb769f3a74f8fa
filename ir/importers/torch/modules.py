"""Ops as torch modules, of which :func:`lissom.backends.torch.to_torch` builds a GraphModule, and how that is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import _disable_current_modes

from lissom.ir.graph import Graph, Stage
from lissom.ir.importers.torch.known import known
from lissom.ir.importers.torch.origin import TorchOrigin
from lissom.ir.op import Kind, Op
from lissom.ir.ops.batch_normalization import BatchNormalization
from lissom.ir.ops.dropout import Dropout
from lissom.ir.ops.fake_quant import whole
from lissom.ir.tensors import to_array, to_tensor
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Const, Input, Value, producer

RECORD = "lissom"
"""Where in ``GraphModule.meta`` the :class:`Record` is."""


@dataclass(frozen=True)
class Record:
    """What a GraphModule does not say of the graph it was made from; ``inputs`` has None for a plain Python value."""

    name: str
    stage: Stage
    origin: TorchOrigin | None
    inputs: tuple[tuple[str, TensorType] | None, ...]
    output_names: tuple[str, ...]
    consts: Mapping[str, tuple[str, DType]]
    """Name and element type of the constant behind each parameter or buffer."""


class OpModule(torch.nn.Module):
    """Calls the op's ``run``. Operands that are part of the structure, such as a shape, are buffers in here."""

    op: Op

    def __init__(self, op: Op, fixed: Mapping[str, Const] | None = None) -> None:
        super().__init__()
        self.op = template(op)
        self.fixed = tuple(fixed or ())
        self.elements: dict[str, tuple[Any, torch.dtype]] = {}
        for name, const in (fixed or {}).items():
            tensor = to_tensor(const.data, const.type.dtype).clone()
            self.register_buffer(f"fixed_{name}", tensor, persistent=False)
            self.elements[name] = (tensor.tolist(), tensor.dtype)

    def arguments(self, given: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
        """Every operand field with its argument: those given, in order, and the fixed ones."""
        rest = iter(given)
        for f in type(self.op).fields:
            if f.kind is not Kind.attribute:
                yield f.name, self._held(f.name) if f.name in self.fixed else next(rest)

    def _held(self, name: str) -> torch.Tensor:
        if torch.compiler.is_exporting():
            elements, dtype = self.elements[name]
            with _disable_current_modes():
                return known(torch.tensor(elements, dtype=dtype))
        held: torch.Tensor = getattr(self, f"fixed_{name}")
        return held

    def forward(self, *operands: Any) -> Any:
        results = self.op.run(*(a for _, a in self.arguments(operands)))
        return results[0] if isinstance(results, tuple) and len(self.op.results) == 1 else results

    def _get_name(self) -> str:
        return self.op.op_type

    def extra_repr(self) -> str:
        fixed = [f"{name}={getattr(self, f'fixed_{name}').tolist()}" for name in self.fixed]
        held = {f.name: f.default for f in type(self.op).fields if f.kind is Kind.attribute}
        changed = [f"{n}={v}" for n, v in self.op.attributes.items() if v != held[n]]
        return ", ".join(fixed + changed)


class BatchNormalizationModule(OpModule):
    """In training mode, normalizes with the statistics of the batch and moves the running ones in place."""

    def forward(self, *operands: Any) -> Any:
        op = self.op
        assert isinstance(op, BatchNormalization)
        if not self.training or op.training_mode:
            return super().forward(*operands)
        x, scale, b, mean, var = operands
        return F.batch_norm(x, mean, var, scale, b, True, 1 - op.momentum, op.epsilon)


class DropoutModule(OpModule):
    """Drops elements in training mode."""

    def forward(self, *operands: Any) -> Any:
        if not self.training:
            return super().forward(*operands)
        data, ratio, _ = (a for _, a in self.arguments(operands))
        p = 0.5 if ratio is None else float(ratio)
        kept = torch.rand_like(data) >= p
        y = torch.where(kept, data / (1 - p), 0.0) if p < 1 else torch.zeros_like(data)
        return (y, kept) if len(self.op.results) == 2 else y


def module_for(op: Op, fixed: Mapping[str, Const]) -> OpModule:
    """The module of an op: one that knows training where the op does."""
    if isinstance(op, BatchNormalization):
        return BatchNormalizationModule(op)
    return DropoutModule(op, fixed) if isinstance(op, Dropout) else OpModule(op, fixed)


def template(op: Op) -> Op:
    """A detached copy that reads bare inputs, which hold types and names but no data and no graph."""
    copy = op._copy({v: Input(v.name, v.type) for v in op.operands})
    copy.origin = None
    return copy


def read_back(module: torch.fx.GraphModule) -> Graph | None:
    """The graph a GraphModule of ``to_torch`` stands for, with its present weights; None for any other."""
    record = module.meta.get(RECORD)
    if not isinstance(record, Record):
        return None
    graph = Graph(record.name)
    env: dict[torch.fx.Node, Any] = {}
    slots = iter(record.inputs)
    for node in module.graph.nodes:
        if node.op == "placeholder":
            slot = next(slots, None)
            env[node] = None if slot is None else graph.input(*slot)
        elif node.op == "get_attr":
            env[node] = _constant(module, str(node.target), record)
        elif node.op == "call_module":
            env[node] = _results(
                module.get_submodule(str(node.target)), torch.fx.node.map_arg(node.args, env.get), record
            )
        elif node.op == "call_function" and getattr(node.target, "__name__", "") == "getitem":
            env[node] = env[node.args[0]][node.args[1]]
        elif node.op == "output":
            returned = torch.fx.node.map_arg(node.args[0], env.get)
            leaves = returned if isinstance(returned, list | tuple) else [returned]
            graph.set_outputs(list(zip(record.output_names, (v for v in leaves if isinstance(v, Value)), strict=True)))
        elif node.users:
            return None
        if env.get(node) is FOREIGN:
            return None
        for v in env[node] if isinstance(env.get(node), tuple) else ():
            _append(graph, v)
        if isinstance(env.get(node), Value):
            _append(graph, env[node])
    graph.stage, graph.origin = record.stage, record.origin
    return graph


def _append(graph: Graph, value: Value) -> None:
    op = producer(value)
    if op is not None and op.graph is None:
        graph.append(op)


FOREIGN = object()
"""Stands for the result of a module that ``to_torch`` did not make."""


def _constant(module: torch.nn.Module, target: str, record: Record) -> Const:
    held: Any = module
    for part in target.split("."):
        held = getattr(held, part)
    name, dtype = record.consts[target]
    if held.is_floating_point() and dtype.is_integer:  # a zero point that learns
        return Const(to_array(whole(held.detach(), dtype).to(dtype.torch), dtype), name, trainable=True)
    return Const(to_array(held, dtype).copy(), name, trainable=isinstance(held, torch.nn.Parameter))


def _results(module: torch.nn.Module, given: Any, record: Record) -> Any:
    op = getattr(module, "op", None)
    if not isinstance(op, Op):
        return FOREIGN
    fields: dict[str, Any] = dict(op.attributes)
    if isinstance(module, OpModule):
        for name, value in module.arguments(tuple(given)):
            held = getattr(op, name)
            if name in module.fixed:
                value = Const(to_array(value, held.type.dtype).copy(), held.name)
            fields[name] = value
    else:
        fields |= _layer_operands(module, op, given[0])
    made = type(op)(**fields).named(op.name, op.loc)
    return made if len(made.results) == 1 else made.results


def _layer_operands(module: torch.nn.Module, op: Op, x: Value) -> dict[str, Any]:
    """The operands that a layer of torch.nn holds itself."""
    if isinstance(module, torch.nn.Dropout):
        assert isinstance(op, Dropout)
        ratio = op.ratio
        name = "" if ratio is None else ratio.name
        return {"data": x, "ratio": Const(to_array(torch.tensor(module.p), DType.float32), name)}
    assert isinstance(op, BatchNormalization)
    found: dict[str, Any] = {"x": x}
    for field, attribute in BATCH_NORM_FIELDS.items():
        held = getattr(module, attribute)
        name = getattr(op, field).name
        if held is None:  # not affine
            held = torch.full(op.input_mean.type.static or (), 1.0 if field == "scale" else 0.0)
        trainable = isinstance(held, torch.nn.Parameter)
        found[field] = Const(
            to_array(held, DType(str(held.dtype).removeprefix("torch."))).copy(), name, trainable=trainable
        )
    return found


BATCH_NORM_FIELDS = {"scale": "weight", "b": "bias", "input_mean": "running_mean", "input_var": "running_var"}
"""Operand fields of BatchNormalization and what torch.nn.BatchNorm calls them."""
