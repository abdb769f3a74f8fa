"""Base of the ops that run along an axis and keep every partial result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.unsigned import wide
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class Cumulative(Op, abstract=True):
    """y[i] = f(x[0], ..., x[i]) along ``axis``, a scalar int32 or int64 that may be negative.

    With ``exclusive`` up to x[i-1], so that y[0] is the neutral element; with ``reverse`` from the other end.
    """

    x: Value
    axis: Value
    exclusive: bool = False
    reverse: bool = False

    neutral: ClassVar[int]

    def infer(self) -> TensorType:
        self.require(self.axis.type.static in ((), (1,), None), "one axis", self.axis.type)
        return self.x.type

    def run(self, x: torch.Tensor, axis: torch.Tensor) -> torch.Tensor:
        known = self.axis.contents
        return wide(lambda v: self._run(v, int(axis if known is None else known.reshape(()))), self.type.dtype, x)

    def _run(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        if self.reverse:
            x = x.flip(axis)
        if self.exclusive:
            first = torch.full_like(x.narrow(axis, 0, min(1, x.shape[axis])), self.neutral)
            x = torch.cat([first, x.narrow(axis, 0, max(0, x.shape[axis] - 1))], axis)
        y = self.accumulate(x, axis)
        return y.flip(axis) if self.reverse else y

    def accumulate(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        """The inclusive, forward form, of x's dtype."""
        raise NotImplementedError(f"{self.op_type}.accumulate")

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        known = self.axis.contents
        if known is None:
            return flow.opaque(self, "along which axis it runs is computed")
        return flow.keep(self, self.x, int(known.reshape(())), "a running sum goes along it")

    @classmethod
    def samples(cls) -> Iterable[Op]:
        x = value("x", symbol("N"), 3, 4)
        yield cls(x, literal("axis", 1))
        yield cls(x, literal("axis", -1), exclusive=True)
        yield cls(x, literal("axis", 0), reverse=True)
        yield cls(x, literal("axis", [1], DType.int32), exclusive=True, reverse=True)
        yield cls(value("x", 2, 5, dtype=DType.int32), value("axis", dtype=DType.int64, high=2))
        yield cls(value("x", 5, dtype=DType.uint64), literal("axis", 0), exclusive=True)
