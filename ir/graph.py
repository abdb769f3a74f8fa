"""The graph and its one door for mutation: ``append``, ``insert``, ``replace``, ``erase``, ``set_outputs``."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from lissom.ir.cost import Cost
from lissom.ir.dims import Dim
from lissom.ir.errors import Error
from lissom.ir.op import Op
from lissom.ir.types import TensorType
from lissom.ir.values import Const, Input, Loc, Value, producer

_GAP = 1 << 60  # between order labels: room for 60 insertions at one place before the labels are dealt anew


class Stage(Enum):
    """How far a graph has come; what is legal in each stage is in :mod:`lissom.ir.verify`."""

    imported = "imported"
    decided = "decided"
    realized = "realized"
    lowered = "lowered"


class Graph:
    """A network: inputs, named outputs, and ops in topological order.

    Every value reachable from an op or an output is owned by exactly one graph. Ops are built detached and enter by
    ``append``, ``insert`` or ``replace``, which bring along whatever detached values they read.
    """

    def __init__(self, name: str = "graph") -> None:
        self.name = name
        self.stage = Stage.imported
        self.origin: Any = None
        """The importer's record of the whole model; a back end of the same format puts it back."""
        self._inputs: list[Input] = []
        self._outputs: list[Value] = []
        self._output_names: list[str] = []
        self._output_uses: Counter[Value] = Counter()
        self._head: Op | None = None  # the ops form a doubly linked list in topological order
        self._tail: Op | None = None
        self._size = 0

    # ---- reading

    @property
    def inputs(self) -> tuple[Input, ...]:
        return tuple(self._inputs)

    @property
    def outputs(self) -> tuple[Value, ...]:
        return tuple(self._outputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The public name of each output, which stays whatever value is behind it."""
        return tuple(self._output_names)

    @property
    def ops(self) -> tuple[Op, ...]:
        """All ops in topological order: a snapshot, so the graph may change while one walks it."""
        return tuple(self._walk())

    def _walk(self) -> Iterator[Op]:
        op = self._head
        while op is not None:
            yield op
            op = op._next

    @property
    def consts(self) -> tuple[Const, ...]:
        """All constants that ops or outputs read, in order of first use."""
        seen: dict[Const, None] = {}
        for op in self._walk():
            seen.update((v, None) for v in op.operands if isinstance(v, Const))
        seen.update((v, None) for v in self._outputs if isinstance(v, Const))
        return tuple(seen)

    def __len__(self) -> int:
        return self._size

    def __contains__(self, value: Value) -> bool:
        return value._graph is self

    def is_output(self, value: Value) -> bool:
        return self._output_uses[value] > 0

    def precedes(self, a: Op, b: Op) -> bool:
        """True when ``a`` stands before ``b``."""
        return a._order < b._order

    def cost(self) -> Cost:
        """The sum over all ops; a constant that several ops share counts its parameters once."""
        total = sum((op.cost() for op in self._walk()), Cost())
        return Cost(total.macs, sum(c.data.size for c in self.consts), total.read, total.written)

    def __str__(self) -> str:
        from lissom.ir.printer import print_graph

        return print_graph(self)

    # ---- building

    def input(self, name: str, type: TensorType, loc: Loc | None = None, origin: Any = None) -> Input:
        """Add a graph input."""
        if any(i.name == name for i in self._inputs):
            raise Error(f"graph {self.name!r} already has an input {name!r}")
        value = Input(name, type, loc, origin)
        value._graph = self
        self._inputs.append(value)
        return value

    def set_outputs(self, outputs: Mapping[str, Value] | Sequence[tuple[str, Value]]) -> None:
        """Declare the outputs, by public name."""
        pairs = list(outputs.items() if isinstance(outputs, Mapping) else outputs)
        for _, value in pairs:
            self._adopt(value, None)
        self._output_names = [name for name, _ in pairs]
        self._outputs = [value for _, value in pairs]
        self._output_uses = Counter(self._outputs)

    def append(self, op: Op) -> Op:
        """Put a detached op, and what it reads that is detached too, at the end."""
        self._adopt(op, None)
        return op

    def insert(self, op: Op, before: Op) -> Op:
        """Put a detached op, and what it reads that is detached too, right before ``before``."""
        self._adopt(op, before)
        return op

    def replace(self, old: Value, new: Value | tuple[Value, ...]) -> None:
        """Let everything that reads ``old`` read ``new`` instead; drop what nobody reads any more.

        ``new`` may be detached, and may itself read ``old``: what is new in it enters right after ``old``, and goes on
        reading it. A tuple stands for all results of the op ``old``. Where a type changes, the types of the ops behind
        it are inferred again. Raises Error when ``new`` comes after something that is to read it.
        """
        site = producer(old)
        if isinstance(new, tuple):
            if not isinstance(old, Op) or len(new) != len(old.results):
                raise Error(f"replacing {old!r} takes one new value for each of its results, got {len(new)}")
            pairs = list(zip(old.results, new, strict=True))
        else:
            pairs = [(old, new)]
        before = site._next if site is not None else min(old._users, key=_order, default=None)
        fresh = {op for _, now in pairs for op in self._adopt(now, before)}
        retype: list[Op] = []
        for was, now in pairs:
            if now is was:
                continue
            now.name = now.name or was.name
            made = producer(now)
            users = [u for u in was._users if u not in fresh]
            for user in users:
                if made is not None and made._order >= user._order:
                    raise Error(f"{made.describe()} comes after {user.describe()}, which is to read it")
            for user in users:
                user._substitute(was, now)
                now._users[user] = now._users.get(user, 0) + was._users.pop(user)
            if was.type != now.type or _key(was.contents) != _key(now.contents):
                retype += users
            if count := self._output_uses.pop(was, 0):
                self._output_uses[now] += count
                self._outputs = [now if v is was else v for v in self._outputs]
            if isinstance(was, Const) and not self._alive(was):
                was._graph = None
        self._retype(retype)
        if site is not None:
            self._sweep([site])

    def erase(self, op: Op) -> None:
        """Remove an op that nobody reads, and what only it read."""
        if any(map(self._alive, op.results)):
            raise Error(f"{op.describe()} cannot be erased: its result is still used")
        self._sweep([op])

    def prune(self) -> int:
        """Remove every op that no output depends on; returns how many."""
        before = len(self)
        self._sweep(list(self._walk()))
        return before - len(self)

    def retype_input(self, value: Input, type: TensorType) -> None:
        """Declare another type for an input and infer everything behind it again."""
        value.type = type
        self._retype(list(value.users))

    def become(self, other: Graph) -> None:
        """Take over all that ``other`` holds, which is left empty: for a pass that makes its graph anew."""
        for v in (*self._inputs, *self.consts, *(r for op in self._walk() for r in op.results)):
            v._graph = None
        for v in (*other._inputs, *other.consts, *(r for op in other._walk() for r in op.results)):
            v._graph = self
        taken = other.__dict__.copy()
        other.__init__(other.name)  # type: ignore[misc]
        self.__dict__.update(taken)

    # ---- copies

    def clone(self) -> Graph:
        """An independent copy that shares the constants' data."""
        return self.clone_with_map()[0]

    def clone_with_map(self) -> tuple[Graph, dict[Value, Value]]:
        """An independent copy, and the copy of each value."""
        copy = Graph(self.name)
        copy.stage, copy.origin = self.stage, self.origin
        copies: dict[Value, Value] = {}
        for i in self._inputs:
            copies[i] = copy.input(i.name, i.type, i.loc, i.origin)
        for c in self.consts:
            copies[c] = Const(c.data, c.name, trainable=c.trainable, loc=c.loc, origin=c.origin)
        for op in self._walk():
            twin = copy.append(op._copy(copies))
            copies.update(zip(op.results, twin.results, strict=True))
        copy.set_outputs([(n, copies[v]) for n, v in zip(self._output_names, self._outputs, strict=True)])
        return copy, copies

    def bind(self, sizes: Mapping[str, Dim]) -> Graph:
        """A copy with symbols replaced by sizes: ``graph.bind({"N": 1})``."""
        copy = self.clone()
        for i in copy._inputs:
            i.type = i.type.bind(sizes)
        for op in copy._walk():
            op._infer()
        return copy

    # ---- the door's own parts

    def _adopt(self, value: Value, before: Op | None) -> list[Op]:
        """Take ownership of ``value`` and everything detached it reads. Returns the new ops, put before ``before``."""
        pending: list[Value] = [value]
        fresh: list[Op] = []
        visiting: set[Op] = set()
        while pending:
            v = pending[-1]
            op = producer(v)
            if v._graph is self:
                pending.pop()
            elif v._graph is not None:
                raise Error(f"{v!r} belongs to another graph")
            elif op is None:
                if isinstance(v, Input):
                    raise Error(f"input {v.name!r} is not an input of graph {self.name!r}")
                v._graph = self
                pending.pop()
            elif waiting := [o for o in op._iterate_operands() if o._graph is not self]:
                if op in visiting:
                    raise Error(f"{op.describe()} reads its own result")
                visiting.add(op)
                pending += waiting
            else:
                for r in op.results:
                    r._graph = self
                fresh.append(op)
                pending.pop()
        self._link(fresh, before)
        for op in fresh:
            for operand in op._iterate_operands():
                made = producer(operand)
                if made is not None and made._order >= op._order:
                    raise Error(f"{op.describe()} reads {made.describe()}, which comes later")
                operand._users[op] = operand._users.get(op, 0) + 1
        return fresh

    def _link(self, fresh: list[Op], before: Op | None) -> None:
        """Chain new ops in before ``before`` (at the end for None) and give them order labels."""
        previous = self._tail if before is None else before._prev
        for op in fresh:
            op._prev, op._next = previous, None
            if previous is None:
                self._head = op
            else:
                previous._next = op
            previous = op
        if fresh:
            fresh[-1]._next = before
            if before is None:
                self._tail = fresh[-1]
            else:
                before._prev = fresh[-1]
        self._size += len(fresh)
        low = fresh[0]._prev._order if fresh and fresh[0]._prev else 0
        step = _GAP if before is None else (before._order - low) // (len(fresh) + 1)
        for i, op in enumerate(fresh, 1):
            op._order = low + i * step
        if step == 0:
            for i, op in enumerate(self._walk(), 1):
                op._order = i * _GAP

    def _unlink(self, op: Op) -> None:
        if op._prev is None:
            self._head = op._next
        else:
            op._prev._next = op._next
        if op._next is None:
            self._tail = op._prev
        else:
            op._next._prev = op._prev
        op._prev = op._next = None
        self._size -= 1

    def _alive(self, value: Value) -> bool:
        return bool(value._users) or self._output_uses[value] > 0

    def _sweep(self, ops: list[Op]) -> None:
        """Remove those of ``ops`` that nobody reads, and then what only they read."""
        while ops:
            op = ops.pop()
            if op._graph is not self or any(map(self._alive, op.results)):
                continue
            self._unlink(op)
            for r in op.results:
                r._graph = None
            for operand in dict.fromkeys(op._iterate_operands()):
                operand._users.pop(op, None)
                made = producer(operand)
                if made is not None:
                    ops.append(made)
                elif isinstance(operand, Const) and not self._alive(operand):
                    operand._graph = None

    def _retype(self, ops: Iterable[Op]) -> None:
        """Infer ``ops`` again, and whatever their new types reach, in topological order."""
        pending = {op._order: op for op in ops}
        heap = sorted(pending)
        while heap:
            op = pending.pop(heapq.heappop(heap))
            before = [(r.type, _key(r.contents)) for r in op.results]
            op._infer()
            for r, was in zip(op.results, before, strict=True):
                if (r.type, _key(r.contents)) != was:
                    for user in r._users:
                        if user._order not in pending:
                            pending[user._order] = user
                            heapq.heappush(heap, user._order)


def _order(op: Op) -> int:
    return op._order


def _key(contents: Any) -> Any:
    return None if contents is None else (contents.shape, tuple(contents.flat))
