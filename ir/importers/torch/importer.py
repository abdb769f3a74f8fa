"""``from_torch``: what is captured, and what becomes of its inputs, its state and its results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import ConstantArgument, InputKind, InputSpec, OutputKind
from torch.utils import _pytree as pytree

from lissom.ir.errors import Error, Unsupported
from lissom.ir.graph import Graph
from lissom.ir.importers.torch.capture import capture, check_example
from lissom.ir.importers.torch.lowering import Lowering
from lissom.ir.importers.torch.modules import read_back
from lissom.ir.importers.torch.normal_form import normal_form
from lissom.ir.importers.torch.operands import dtype_of
from lissom.ir.importers.torch.origin import Leaf, Plain, TorchOrigin
from lissom.ir.importers.torch.symbols import SizeNames, user_names
from lissom.ir.tensors import to_array
from lissom.ir.types import TensorType
from lissom.ir.values import Const, Value


def from_torch(
    module: torch.nn.Module | ExportedProgram,
    example_args: Any = (),
    example_kwargs: dict[str, Any] | None = None,
    *,
    dynamic_shapes: Any = None,
) -> Graph:
    """The graph of a module as it computes in eval mode.

    ``module`` is an ``nn.Module`` (a ``GraphModule`` of ``torch.fx.symbolic_trace`` too), captured by ``torch.export``
    with the example arguments and ``dynamic_shapes`` as that function takes them; or an ``ExportedProgram``, which
    needs no arguments; or the result of :func:`lissom.backends.torch.to_torch`, whose ops come back as they were, with
    the weights they have now. Constants bear the dotted names of the parameters and buffers and are copies of them.
    Symbolic sizes have the names given to ``torch.export.Dim``. Dropout stays; what eval mode makes of the other random
    layers is what the graph computes. Raises Unsupported, naming every operator that has no translation and the source
    line it comes from, and Error where the module does not run on the arguments.
    """
    names: dict[tuple[int, int], str] = {}
    if isinstance(module, ExportedProgram):
        program, name = module, "exported"
    elif isinstance(module, torch.nn.Module):
        if isinstance(module, torch.fx.GraphModule) and (graph := read_back(module)) is not None:
            return graph
        args, kwargs = check_example(module, example_args, example_kwargs)
        program, name = capture(module, args, kwargs, dynamic_shapes), type(module).__name__
        names = user_names(module, args, kwargs, dynamic_shapes)
    else:
        raise Error(f"from_torch takes a torch.nn.Module or an ExportedProgram, got {type(module).__name__}")
    return _Import(normal_form(program), name, SizeNames(names)).graph


class _Import:
    """One exported program on its way in."""

    def __init__(self, program: ExportedProgram, name: str, sizes: SizeNames) -> None:
        self.program = program
        self.sizes = sizes
        self.graph = Graph(name)
        self.consts: dict[str, Const] = {}
        self.first_names = _first_names(program)
        lowering = Lowering(self.graph, program.graph_module)
        placeholders = [n for n in program.graph.nodes if n.op == "placeholder"]
        self.inputs: list[Leaf] = []
        for node, spec in zip(placeholders, program.graph_signature.input_specs, strict=True):
            lowering.env[node] = self._argument(node, spec)
        self._set_outputs(lowering.run())
        self.graph.prune()

    def _argument(self, node: torch.fx.Node, spec: InputSpec) -> Any:
        """What a placeholder stands for: a graph input, a plain Python value, or a constant of the module."""
        if spec.kind is not InputKind.USER_INPUT:
            return self._state(node, spec) if node.users else None
        if isinstance(spec.arg, ConstantArgument):
            self.inputs.append(Plain(spec.arg.value))
            return spec.arg.value
        val = node.meta["val"]
        if not isinstance(val, torch.Tensor):
            raise Unsupported(f"input {node.name!r} is a number that may vary ({val}); pass it as a tensor")
        self.sizes.learn(len(self.inputs), node.name, val.shape)
        self.inputs.append(node.name)
        return self.graph.input(node.name, TensorType(dtype_of(val.dtype), tuple(map(self.sizes.dim, val.shape))))

    def _state(self, node: torch.fx.Node, spec: InputSpec) -> Const:
        """The constant of a parameter, buffer or lifted tensor; a tied weight is one constant under its first name."""
        given = str(spec.target)
        name = self.first_names.get(given, given)
        if name not in self.consts:
            tensor = self.program.state_dict.get(given, self.program.constants.get(given))
            if not isinstance(tensor, torch.Tensor):
                raise Unsupported(f"{given!r} is a {type(tensor).__name__}, not a tensor; lissom has no value for it")
            data = to_array(tensor, dtype_of(tensor.dtype)).copy()
            self.consts[name] = Const(data, name, trainable=spec.kind is InputKind.PARAMETER)
        return self.consts[name]

    def _set_outputs(self, results: tuple[Any, ...]) -> None:
        signature, spec = self.program.graph_signature, self.program.call_spec.out_spec
        returned = []
        for output, value in zip(signature.output_specs, results, strict=True):
            if output.kind is OutputKind.USER_OUTPUT:
                returned.append(value)
            elif output.kind is not OutputKind.USER_INPUT_MUTATION:
                raise Unsupported(
                    f"forward writes to {output.target!r} of the module; a graph has no state. "
                    "Take the tensor as an argument and return the new one."
                )
        names = list(_output_names(spec)) if spec is not None else [f"output_{i}" for i in range(len(returned))]
        pairs = [(n, v) for n, v in zip(names, returned, strict=True) if isinstance(v, Value)]
        self.graph.set_outputs(pairs)
        assert spec is not None
        assert self.program.call_spec.in_spec is not None
        state = frozenset(self.program.state_dict)
        self.graph.origin = TorchOrigin(
            self.program.call_spec.in_spec,
            spec,
            tuple(self.inputs),
            tuple(n if isinstance(v, Value) else Plain(v) for n, v in zip(names, returned, strict=True)),
            state,
            frozenset(c.name for c in self.graph.consts) - state,
            {name: first for name, first in self.first_names.items() if name != first},
        )


def _first_names(program: ExportedProgram) -> dict[str, str]:
    """For each name of the state, the first name under which the same tensor is known."""
    first: dict[tuple[Any, ...], str] = {}
    names = {}
    for name, tensor in program.state_dict.items():
        where = tensor.data_ptr() if tensor.numel() else id(tensor)
        key = (where, tensor.dtype, tuple(tensor.shape), tensor.stride())
        names[name] = first.setdefault(key, name)
    return names


def _output_names(spec: pytree.TreeSpec) -> Iterator[str]:
    """A public name for each leaf of a result: ``output``, ``output_1``, or the keys that lead to it: ``boxes.0``."""
    paths, _ = pytree.tree_flatten_with_path(pytree.tree_unflatten(range(spec.num_leaves), spec))
    for path, _ in paths:
        keys = [str(getattr(k, "key", getattr(k, "idx", getattr(k, "name", "")))) for k in path]
        yield "output" if not keys else f"output_{'_'.join(keys)}" if keys[0].isdigit() else ".".join(keys)
