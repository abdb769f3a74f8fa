"""What an op can read: graph inputs, constants, and results of other ops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lissom.ir.types import Array, TensorType, dtype_of

if TYPE_CHECKING:
    from lissom.ir.graph import Graph
    from lissom.ir.op import Op

CONTENTS_LIMIT = 256
"""Integer constants of at most this many elements take part in shape arithmetic."""


@dataclass(frozen=True)
class Loc:
    """Where a value comes from, in the user's terms: an ONNX node, a line of the PyTorch source, a line of IR text."""

    source: str
    where: str

    def __str__(self) -> str:
        return f"{self.source} {self.where}"


class Value:
    """Anything an op can read. Identity is object identity; ``name`` is a hint that printing makes unique.

    ``loc`` says where the value comes from. ``origin`` is the importer's own record of it (an ONNX proto, say), which a
    back end of the same format puts back as long as the value is still the one that was read; a rewritten op has none.
    """

    type: TensorType
    name: str
    loc: Loc | None
    origin: Any
    _graph: Graph | None
    _users: dict[Op, int]

    def __init__(self, type: TensorType, name: str = "", loc: Loc | None = None, origin: Any = None) -> None:
        self.type = type
        self.name = name
        self.loc = loc
        self.origin = origin
        self._graph = None
        self._users = {}

    @property
    def users(self) -> tuple[Op, ...]:
        """The ops of the graph that read this value, each once, in the order they began to."""
        return tuple(self._users)

    @property
    def graph(self) -> Graph | None:
        """The graph that owns this value; None while it is detached."""
        return self._graph

    @property
    def contents(self) -> Array | None:
        """The value's elements as an object array of dims, where shape arithmetic knows them; else None."""
        return None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name or '?'}: {self.type}>"


class Input(Value):
    """A graph input."""

    def __init__(self, name: str, type: TensorType, loc: Loc | None = None, origin: Any = None) -> None:
        super().__init__(type, name, loc, origin)


class Const(Value):
    """A constant tensor: read-only ``data``, possibly memory-mapped; ``trainable`` marks a parameter."""

    __match_args__ = ("data",)
    data: Array
    trainable: bool

    def __init__(
        self,
        data: Any,
        name: str = "",
        *,
        trainable: bool = False,
        loc: Loc | None = None,
        origin: Any = None,
    ) -> None:
        array = np.asarray(data)
        view = array.view()
        view.flags.writeable = False
        super().__init__(TensorType(dtype_of(view), tuple(map(int, view.shape))), name, loc, origin)
        self.data = view
        self.trainable = trainable

    def replace(self, data: Any) -> Const:
        """A new constant with other data and this one's name, loc and trainability."""
        return Const(data, self.name, trainable=self.trainable, loc=self.loc)

    @property
    def contents(self) -> Array | None:
        if self.data.size > CONTENTS_LIMIT or self.data.ndim > 1 or self.data.dtype.kind not in "iu":
            return None
        return np.array(self.data.tolist(), dtype=object)


class Result(Value):
    """The ``index``-th result of an op with several, counted from 1; the op itself is result 0."""

    op: Op
    index: int

    def __init__(self, op: Op, index: int, type: TensorType) -> None:
        super().__init__(type, f"{op.name}.{index}" if op.name else "", op.loc)
        self.op = op
        self.index = index


def producer(value: Value) -> Op | None:
    """The op that computes ``value``; None for inputs and constants."""
    from lissom.ir.op import Op

    if isinstance(value, Result):
        return value.op
    return value if isinstance(value, Op) else None
