"""Turns the ops of a lowered graph into kernel calls, one binding an op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from lissom.backends.c.geometry import (
    Order,
    contiguous,
    element_of,
    item_bytes,
    merged,
    same_order,
    shape_of,
    stored_strides,
)
from lissom.backends.c.packing import pack
from lissom.backends.c.packing.operand import Operand
from lissom.backends.c.program import Buffer, Call, Kind, Layer, Place, Program
from lissom.ir.errors import Unsupported
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.types import Array
from lissom.ir.values import Const, Value, producer
from lissom.kernels.kernel import Kernel, Params
from lissom.kernels.table import choose

T = TypeVar("T", bound=Op)
Chooser = Callable[[str, Params, str], Kernel | str]
"""Takes task, parameters and target; returns a kernel, or why there is none."""

Binding = Callable[[Any, "Builder"], None]

BINDINGS: dict[type[Op], Binding] = {}
"""How each op becomes kernel calls. A binding raises Unsupported, giving the reason, for what it cannot do."""


def binds(*ops: type[Op]) -> Callable[[Binding], Binding]:
    """Registers a binding for ops."""

    def register(binding: Binding) -> Binding:
        BINDINGS.update(dict.fromkeys(ops, binding))
        return binding

    return register


class Builder:
    """Builds the program of a graph. Bindings read and write values through it."""

    def __init__(self, graph: Graph, name: str, target: str, chooser: Chooser = choose) -> None:
        self.graph = graph
        self.chooser = chooser
        self.program = Program(name, target)
        self.layer: Layer | None = None
        self._places: dict[Value, Place] = {}
        self._orders: dict[Value, Order] = {}
        self._reordered: dict[tuple[Value, Order], Place] = {}
        self._weights: dict[tuple[bytes, str], Buffer] = {}

    # ---- for bindings

    def read(self, value: Value | None, order: Order | None = None) -> Place | None:
        """Where a value is, its axes in memory in the given order, by default the graph's; a constant becomes a weight
        array. A value that lies otherwise is copied, once for each order. None for an absent operand."""
        if value is None:
            return None
        if value not in self._places:
            assert isinstance(value, Const)
            self._places[value] = self.constant(value.data, value.name)
        shape = shape_of(value)
        wanted = tuple(range(len(shape))) if order is None else order
        if same_order(shape, self.order(value), wanted):
            return self._places[value]
        if (value, wanted) not in self._reordered:
            nbytes = value.type.size() * item_bytes(value)
            place = self._reordered[value, wanted] = Place(self.memory(nbytes, f"{value.name} reordered"))
            sizes = [shape[axis] for axis in wanted]
            strides = stored_strides(shape, self.order(value))
            to = stored_strides(shape, wanted)
            self.copy(
                item_bytes(value),
                sizes,
                (self._places[value], [strides[axis] for axis in wanted], 0),
                (place, [to[axis] for axis in wanted], 0),
            )
        return self._reordered[value, wanted]

    def order(self, value: Value) -> Order:
        """The order of a value's axes in memory, outermost first."""
        return self._orders.get(value) or tuple(range(value.type.rank))

    def stored(self, value: Value) -> Place:
        """Where a value is, its axes in the order they have."""
        place = self.read(value, self.order(value))
        assert place is not None
        return place

    def strides(self, value: Value) -> tuple[int, ...]:
        """Of a value as it is stored, the stride of each axis in elements."""
        return stored_strides(shape_of(value), self.order(value))

    def write(self, result: Value, order: Order | None = None) -> Place:
        """Memory for a result, its axes in the given order, by default the graph's."""
        place = Place(self.memory(result.type.size() * item_bytes(result), result.name))
        self._places[result] = place
        if order is not None:
            self._orders[result] = order
        return place

    def view(
        self, result: Value, of: Value, offset: int = 0, order: Order | None = None, lying: Order | None = None
    ) -> None:
        """Let ``result`` be the bytes of ``of`` from ``offset`` on. With ``order``, the bytes of ``of`` as it lies, or
        in the order ``lying``, and the order of the axes of ``result`` in them; else ``of`` in the graph's order."""
        if order is None:
            place = self.read(of)
        else:
            place = self.read(of, lying or self.order(of))
            self._orders[result] = order
        assert place is not None
        self._places[result] = place.plus(offset)

    def memory(self, nbytes: int, name: str = "") -> Buffer:
        """Arena memory that lives from the first to the last call that touches it."""
        return Buffer(Kind.arena, nbytes, name)

    def constant(self, array: Array, name: str = "", like: str | None = None) -> Place:
        """An array of the weights unit; equal arrays are stored once."""
        array = np.ascontiguousarray(array)
        key = (array.tobytes(), like or array.dtype.str)
        if key not in self._weights:
            self._weights[key] = Buffer(Kind.weights, array.nbytes, name, len(self._weights), array)
            self.program.weights.append(self._weights[key])
        return Place(self._weights[key])

    def choose(self, task: str, params: Params) -> Kernel:
        """The target's best kernel for a task; raises Unsupported with the reasons when there is none."""
        found = self.chooser(task, params, self.program.target)
        if isinstance(found, str):
            raise Unsupported(found)
        return found

    def packed(self, kernel: Kernel, operand: str, array: Array | Operand, name: str) -> Place:
        """A constant operand in the layout the kernel wants."""
        given = array if isinstance(array, Operand) else Operand(array)
        return self.constant(pack(kernel.packing[operand], given), name)

    def call(
        self, kernel: str | Kernel, params: Params, reads: Sequence[Place | None], writes: Sequence[Place]
    ) -> Call:
        """Append a kernel call to the current layer."""
        if isinstance(kernel, str):
            kernel = self.choose(kernel, params)
        call = Call(kernel, params, (*reads, *writes))
        assert len(call.arguments) == len(kernel.task.arguments)
        assert self.layer is not None
        self.layer.calls.append(call)
        return call

    def only_first_result(self, op: Op, others: str) -> None:
        """Refuse an op whose further results somebody wants; those that nobody does have no memory."""
        if any(r.users or self.graph.is_output(r) for r in op.results[1:]):
            raise Unsupported(f"{others} are not supported in C")
        self._places.update((r, Place(self.memory(0))) for r in op.results[1:])

    def copy(
        self,
        element: int,
        size: Sequence[int],
        x: tuple[Place | None, Sequence[int], int],
        y: tuple[Place, Sequence[int], int],
    ) -> None:
        """Append a copy between strided places, each (place, strides, offset) in elements; nothing for no elements."""
        if 0 in size:
            return
        sizes, x_stride, y_stride = merged(size, x[1], y[1])
        params = {
            "element": element,
            "rank": len(sizes),
            "size": sizes,
            "x_stride": x_stride,
            "y_stride": y_stride,
            "x_offset": x[2],
            "y_offset": y[2],
        }
        self.call("copy", params, [x[0]], [y[0]])

    def clamp_producer(self, value: Value, result: Value, low: float, high: float) -> bool:
        """Let the convolution that computes ``value``, for one op only, clamp; ``result`` is then its output."""
        layer = self._layer_of_only(value)
        if layer is None:
            return False
        last = layer.calls[-1]
        if _is(last, "conv_f32", low=-np.inf, high=np.inf):
            last.params = {**last.params, "low": low, "high": high}
        elif _is(last, "sparse_conv_f32") and (last.params["conv"]["low"], last.params["conv"]["high"]) == (
            -np.inf,
            np.inf,
        ):
            last.params = {**last.params, "conv": {**last.params["conv"], "low": low, "high": high}}
        else:
            return False
        self._forget(value)
        self.view(result, value, order=self.order(value))
        return True

    def reclaim(self, value: Value, task: str, **params: Any) -> Call | None:
        """The call of ``task`` with ``params`` that computes ``value``, taken out of its layer so that one that does
        more can take its place; None where there is none or somebody else reads ``value``."""
        layer = self._layer_of_only(value)
        if layer is None or not _is(layer.calls[-1], task, **params):
            return None
        self._forget(value)
        return layer.calls.pop()

    def computed(self, value: Value) -> Value:
        """What ``value`` is all of in another shape or order, as far back as one op alone reads each of them."""
        while (before := self._seen_by(value)) is not None:
            value = before
        return value

    def _seen_by(self, value: Value) -> Value | None:
        """The operand that ``value`` is another view of, where one op alone reads ``value``."""
        made = producer(value)
        if made is None or not made.operands or not self._read_once(value):
            return None
        x = made.operands[0]
        same = x in self._places and self._places[x] == self._places[value] and x.type.size() == value.type.size()
        return x if same else None

    def _read_once(self, value: Value) -> bool:
        return len(value.users) == 1 and not self.graph.is_output(value)

    def _layer_of(self, value: Value) -> Layer | None:
        made = producer(value)
        return next((entry for entry in reversed(self.program.layers) if entry.op is made), None)

    def _layer_of_only(self, value: Value) -> Layer | None:
        """The layer that computes ``value``, or what that is a view of, with its last call, where one op alone reads
        it."""
        value = self.computed(value)
        layer = self._layer_of(value) if producer(value) is not None and self._read_once(value) else None
        return layer if layer is not None and layer.calls else None

    def _forget(self, value: Value) -> None:
        """There is no result to look at any more in ``value`` and what it is a view of."""
        seen: Value | None = value
        while seen is not None:
            if (layer := self._layer_of(seen)) is not None:
                layer.results, layer.orders = [], []
            seen = self._seen_by(seen)

    # ---- for the back end

    def build(
        self, io_values: tuple[Sequence[Value], Sequence[Value]], skip: set[Op], ops: Sequence[Op] | None = None
    ) -> Program:
        """The program of the whole graph, between the values that are its inputs and outputs; with ``ops``, those that
        are not skipped in another order of execution.

        Raises one Unsupported that names every op that cannot be bound, with the reason.
        """
        inputs, outputs = io_values
        self._check_types(inputs, outputs)
        self._declare(inputs)
        faults: list[str] = []
        for op in self.graph.ops if ops is None else ops:
            if op in skip:
                continue
            self.layer = Layer(op)
            self.program.layers.append(self.layer)
            try:
                self._bind(op)
            except Unsupported as e:
                faults.append(f"{op.describe()}: {e}")
                for r in op.results:
                    self._places.setdefault(r, Place(self.memory(0)))
            else:
                self.layer.results += [self._places[r] for r in op.results]
                self.layer.orders += [self.order(r) for r in op.results]
        if faults:
            listed = "\n  ".join(faults)
            raise Unsupported(f"{len(faults)} op(s) cannot be compiled to C for {self.program.target}:\n  {listed}")
        self._finish(outputs)
        return self.program

    def _bind(self, op: Op) -> None:
        binding = BINDINGS.get(type(op))
        if binding is None:
            raise Unsupported("the C back end has no binding for this op")
        for v in (*op.operands, *op.results):
            if v.type.size() * v.type.dtype.bits > 8 * (2**31 - 1):
                raise Unsupported(f"{v!r} has 2^31 bytes or more")
        if all(r.type.size() == 0 for r in op.results):
            for r in op.results:
                self._places[r] = Place(self.memory(0))
            return
        binding(op, self)

    def _check_types(self, inputs: Sequence[Value], outputs: Sequence[Value]) -> None:
        for kind, names, values in (
            ("input", [i.name for i in self.graph.inputs], inputs),
            ("output", self.graph.output_names, outputs),
        ):
            for name, value in zip(names, values, strict=True):
                try:
                    element_of(value)
                except Unsupported as e:
                    raise Unsupported(f"{kind} {name!r}: {e}") from e

    def _declare(self, inputs: Sequence[Value]) -> None:
        for i, value in enumerate(inputs):
            buffer = Buffer(Kind.input, value.type.size() * item_bytes(value), value.name, i)
            self.program.inputs.append(buffer)
            self._places[value] = Place(buffer)

    def _finish(self, outputs: Sequence[Value]) -> None:
        """Copy what is an output to where the caller wants it; most of these copies are eliminated later."""
        for i, (value, name) in enumerate(zip(outputs, self.graph.output_names, strict=True)):
            shape = shape_of(value)
            buffer = Buffer(Kind.output, value.type.size() * item_bytes(value), name, i)
            self.program.outputs.append(buffer)
            made = producer(value)
            self.layer = next((entry for entry in self.program.layers if entry.op is made), None)
            if self.layer is None or value in outputs[:i]:
                self.layer = Layer(made or _output_of(value))
                self.program.layers.append(self.layer)
            stored = (self.stored(value), self.strides(value), 0)
            self.copy(item_bytes(value), shape, stored, (Place(buffer), contiguous(shape), 0))


def _is(call: Call, task: str, **params: Any) -> bool:
    return call.kernel.task.name == task and all(call.params[k] == v for k, v in params.items())


def _output_of(value: Value) -> Op:
    from lissom.ir.ops.identity import Identity

    return Identity(value).named(value.name, value.loc)
