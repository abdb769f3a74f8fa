"""Orders of execution: which of several branches is computed first decides how much memory is in use at a time.

Dynamic programming over what has been computed so far (Ahn et al., "Ordering Chaos: Memory-Aware Scheduling of
Irregularly Wired Neural Networks for Edge Devices", 2020): of all ways to have computed the same ops, the one that
needed least is followed. Networks are narrow, so there are few such sets of ops; where there are very many, those that
needed least are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from lissom.backends.c.geometry import item_bytes
from lissom.ir.graph import Graph
from lissom.ir.op import Op
from lissom.ir.values import Value

WIDTH, STATES = 64, 32_000
"""Sets of equally many ops that are followed at most, and sets in all, about a second of them."""

VIEWS = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Transpose"})
"""Ops whose results are, mostly, the memory of their operand."""


def less_memory(graph: Graph, skip: Collection[Op] = ()) -> list[Op] | None:
    """The ops of a lowered graph but those in ``skip``, in an order that needs less memory at its fullest than the
    graph's own, by an estimate that knows nothing of kernels; None where none was found."""
    needs = Needs(graph, [op for op in graph.ops if op not in skip])
    order = needs.least()
    return [needs.ops[i] for i in order] if needs.peak(order) < needs.peak(range(len(needs.ops))) else None


@dataclass(frozen=True)
class State:
    """Some ops, all that they need among them, are computed."""

    most: int
    """Bytes in use at a time so far."""
    alive: int
    """Bytes that are needed further on."""
    ready: tuple[int, ...]
    """Ops that may be next."""
    last: int = -1
    before: State | None = None

    def order(self) -> list[int]:
        """The ops, in the order in which they were computed."""
        found: list[int] = []
        state: State | None = self
        while state is not None and state.before is not None:
            found.append(state.last)
            state = state.before
        return found[::-1]


class Needs:
    """What memory each op takes and leaves; ops go by their place in the graph, and sets of them are bits."""

    def __init__(self, graph: Graph, ops: list[Op]) -> None:
        self.ops = ops
        owner = {result: i for i, op in enumerate(ops) for result in op.results}
        self._memory: dict[Value, Value] = {}
        readers: dict[Value, int] = {}
        self._needs = [0] * len(ops)
        """The ops that have to come before."""
        self._next: list[set[int]] = [set() for _ in ops]
        """The ops that read a result."""
        for i, op in enumerate(ops):
            for v in op.operands:
                if v in owner:
                    self._needs[i] |= 1 << owner[v]
                    self._next[owner[v]].add(i)
                    readers[self._of(v)] = readers.get(self._of(v), 0) | 1 << i
            if op.op_type in VIEWS:
                self._memory[op.results[0]] = self._of(op.operands[0])
        callers = {self._of(v) for v in graph.outputs}  # outputs have memory of their own
        self._written: list[int] = []
        self._read: list[list[tuple[int, int]]] = []
        self._joins = [op.op_type == "Concat" for op in ops]
        self._in_place = [op.cost().macs == 0 for op in ops]
        for op in ops:
            fresh = [r for r in op.results if self._of(r) is r and r not in callers and r in readers]
            self._written.append(sum(map(_nbytes, fresh)))
            read = dict.fromkeys(self._of(v) for v in op.operands)
            self._read.append([(readers[v], _nbytes(v)) for v in read if v in owner and v not in callers])

    def peak(self, order: Iterable[int]) -> int:
        """The most bytes in use at a time, inputs and outputs apart."""
        done = alive = most = 0
        for op in order:
            used, alive = self._step(done, alive, op)
            done |= 1 << op
            most = max(most, used)
        return most

    def least(self) -> list[int]:
        """The order that needs least, as far as it was found."""
        width = max(1, min(WIDTH, STATES // max(1, len(self.ops))))
        states = {0: State(0, 0, tuple(i for i, needs in enumerate(self._needs) if not needs))}
        for _ in self.ops:
            found: dict[int, State] = {}
            for done, state in states.items():
                for op in state.ready:
                    now = done | 1 << op
                    used, alive = self._step(done, state.alive, op)
                    most = max(state.most, used)
                    if now not in found or most < found[now].most:
                        fresh = [i for i in self._next[op] if not self._needs[i] & ~now]
                        ready = tuple(sorted({*state.ready, *fresh} - {op}))
                        found[now] = State(most, alive, ready, op, state)
            states = dict(sorted(found.items(), key=lambda item: (item[1].most, item[1].alive))[:width])
        return next(iter(states.values())).order()

    def _of(self, value: Value) -> Value:
        """The value whose memory it is."""
        return self._memory.get(value, value)

    def _step(self, done: int, alive: int, op: int) -> tuple[int, int]:
        """Bytes in use while an op is computed, and behind it. What only moves or changes elements may write over an
        operand of the result's size that nobody reads further on, and what is joined is computed where it is to be."""
        gone = [nbytes for readers, nbytes in self._read[op] if not readers & ~(done | 1 << op)]
        written, freed = self._written[op], sum(gone)
        over = min(written, freed) if self._joins[op] else written if self._in_place[op] and written in gone else 0
        return alive + written - over, alive + written - freed


def _nbytes(value: Value) -> int:
    return value.type.size() * item_bytes(value)
