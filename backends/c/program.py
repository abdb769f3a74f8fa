"""A lowered graph as a list of kernel calls on buffers: what is planned and then written out as C."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from lissom.ir.op import Op
from lissom.ir.types import Array
from lissom.kernels.kernel import Kernel, Params


class Kind(Enum):
    """Who owns a buffer's memory."""

    arena = "arena"
    input = "input"
    output = "output"
    weights = "weights"


@dataclass(eq=False)
class Buffer:
    """Contiguous memory. Once merged, it is a part of another buffer (``inside`` it at an offset in bytes)."""

    kind: Kind
    nbytes: int
    name: str = ""
    index: int = 0
    """Of an input, an output or a weight array: which one."""
    data: Array | None = None
    """Of a weight array: the elements."""
    inside: Place | None = None

    def place(self) -> Place:
        """Where it lies: in itself, or in the buffer it was merged into."""
        if self.inside is None:
            return Place(self, 0)
        outer = self.inside.buffer.place()
        return Place(outer.buffer, outer.offset + self.inside.offset)


@dataclass(frozen=True)
class Place:
    """A position in a buffer, in bytes."""

    buffer: Buffer
    offset: int = 0

    def resolve(self) -> Place:
        """The same position in the buffer that was merged into no other."""
        outer = self.buffer.place()
        return Place(outer.buffer, outer.offset + self.offset)

    def plus(self, offset: int) -> Place:
        return Place(self.buffer, self.offset + offset)


@dataclass(eq=False)
class Call:
    """One kernel call. ``arguments`` follow the kernel's signature; None is NULL. Scratch memory is known, and the
    kernel made for these parameters alone, once it is decided where operands lie (``buffers.py``)."""

    kernel: Kernel
    params: Params
    arguments: tuple[Place | None, ...]
    scratch: Buffer | None = None
    parts: tuple[Call, ...] = ()
    """The same work in pieces of the result, for several threads (``divide.py``); empty where it stays whole."""

    @property
    def pieces(self) -> tuple[Call, ...]:
        """The calls that are written out for it: its parts, or itself."""
        return self.parts or (self,)

    @property
    def reads(self) -> tuple[Place | None, ...]:
        return self.arguments[: self.kernel.task.reads]

    @property
    def writes(self) -> tuple[Place, ...]:
        return tuple(a for a in self.arguments[self.kernel.task.reads :] if a is not None)

    def touched(self) -> Iterator[Buffer]:
        """Every buffer it needs, as merged."""
        for a in self.arguments:
            if a is not None:
                yield a.resolve().buffer
        for piece in self.pieces:
            if piece.scratch is not None:
                yield piece.scratch


@dataclass(eq=False)
class Layer:
    """The calls that one op became, and where its results are."""

    op: Op
    calls: list[Call] = field(default_factory=list)
    results: list[Place] = field(default_factory=list)
    orders: list[tuple[int, ...]] = field(default_factory=list)
    """Of each result, how its axes lie in memory."""
    remark: str = ""
    """What the report says about the choice of a kernel."""


@dataclass(eq=False)
class Program:
    """Everything that is written out."""

    name: str
    target: str
    inputs: list[Buffer] = field(default_factory=list)
    outputs: list[Buffer] = field(default_factory=list)
    weights: list[Buffer] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    offsets: dict[Buffer, int] = field(default_factory=dict)
    arena_bytes: int = 0
    arena_lower_bound: int = 0
    alignment: int = 64
    threads: int = 1
    """Up to how many threads its calls are divided among."""
    plan_seconds: float = 0
    """How long to look for a smaller arena, by integer programming, than the heuristics find."""
    levels: list[Program] = field(default_factory=list)
    """Programs for different machines, best first, where this one only chooses between them."""

    @property
    def calls(self) -> list[Call]:
        own = [c for layer in self.layers for c in layer.calls]
        return own + [c for level in self.levels for c in level.calls]

    @property
    def kernels(self) -> list[Kernel]:
        """The kernels that are called, each once, by name."""
        return sorted({p.kernel.name: p.kernel for c in self.calls for p in c.pieces}.values(), key=lambda k: k.name)

    @property
    def asks(self) -> bool:
        """Whether the system has to be asked, once, before the kernels may run: for the registers of AMX."""
        return any(k.level == "amx" for k in self.kernels)

    def summary(self) -> dict[str, Any]:
        """Sizes for the report."""
        return {
            "arena_bytes": self.arena_bytes,
            "arena_lower_bound": self.arena_lower_bound,
            "arena_alignment": self.alignment,
            "weight_bytes": sum(w.nbytes for w in self.weights),
        }
