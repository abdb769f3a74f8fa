from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import torch

from lissom.ir.axes import all_from_front
from lissom.ir.channels.atoms import Factor, Layout, Unaligned
from lissom.ir.channels.flow import Flow
from lissom.ir.channels.joining import surround
from lissom.ir.channels.kept import Kept
from lissom.ir.contents import count, elements, integers
from lissom.ir.dims import symbol
from lissom.ir.families.bits import take
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, Shape, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Const, Value


class Pad(Op):
    """y = x with ``pads[i]`` elements put before and ``pads[i + len(axes)]`` behind it along ``axes[i]``.

    By default all axes are padded. A negative number takes elements away. ``mode`` says what is put there:
    ``constant_value`` (default 0), the elements mirrored at the border element (``reflect``), the border element
    (``edge``), or the axis over again (``wrap``).
    """

    x: Value
    pads: Value
    constant_value: Value | None = None
    axes: Value | None = None
    mode: Literal["constant", "reflect", "edge", "wrap"] = "constant"

    def infer(self) -> TensorType:
        fill = self.constant_value
        fits = fill is None or fill.type.dtype is self.x.type.dtype
        self.require(fits, f"a constant_value of type {self.x.type.dtype}", fill and fill.type)
        return TensorType(self.x.type.dtype, self._shape())

    def _shape(self) -> Shape:
        sizes = list(self.x.type.dims)
        axes = self._axes(integers(self.axes), len(sizes))
        if axes is None:
            return tuple(unknown_size(self, i) for i in range(len(sizes)))
        self.require(count(self.pads) in (None, 2 * len(axes)), f"{2 * len(axes)} pads", self.pads.type)
        pads = elements(self.pads)
        for i, axis in enumerate(axes):
            if pads is None:
                sizes[axis] = unknown_size(self, axis)
            else:
                sizes[axis] = sizes[axis] + pads[i] + pads[i + len(axes)]
        return tuple(sizes)

    def _axes(self, axes: tuple[int, ...] | None, rank: int) -> tuple[int, ...] | None:
        if self.axes is None:
            return tuple(range(rank))
        return None if axes is None else all_from_front(self, axes, rank)

    def run(
        self,
        x: torch.Tensor,
        pads: torch.Tensor,
        constant_value: torch.Tensor | None = None,
        axes: torch.Tensor | None = None,
    ) -> torch.Tensor:
        padded = self._axes(None if axes is None else tuple(axes.reshape(-1).tolist()), x.ndim) or ()
        begins, ends = [0] * x.ndim, [0] * x.ndim
        for axis, begin, end in zip(padded, pads[: len(padded)].tolist(), pads[len(padded) :].tolist(), strict=True):
            begins[axis], ends[axis] = begin, end
        if self.mode == "constant":
            return _surround(x, begins, ends, constant_value)
        for axis, (begin, end) in enumerate(zip(begins, ends, strict=True)):
            if begin or end:
                x = take(x, axis, self._sources(x.shape[axis], begin, end))
        return x

    def _sources(self, size: int, begin: int, end: int) -> torch.Tensor:
        """For each position of the padded axis, the position its element comes from."""
        at = torch.arange(-begin, size + end)
        if self.mode == "edge":
            return at.clamp(0, size - 1)
        if self.mode == "wrap":
            return at.remainder(size)
        period = max(2 * (size - 1), 1)
        at = at.remainder(period)
        return torch.minimum(at, period - at) if size > 1 else at

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        layout, amounts = flow.of(self.x), self._amounts()
        for axis, size in enumerate(self.type.dims):
            if layout.is_fixed(axis):
                layout = layout.with_axis(axis, (Factor(size),))
                continue
            if amounts is None or self.mode != "constant" or min(amounts[axis]) < 0:
                return flow.opaque(self, "it pads channels in a way that depends on them")
            try:
                layout = surround(flow, self, layout, axis, *amounts[axis])
            except Unaligned:
                return flow.opaque(self, "it cuts across the factors of an axis")
        return layout

    def _amounts(self) -> list[tuple[int, int]] | None:
        """What is put before and behind each axis; None where it is computed."""
        rank = self.x.type.rank
        axes, pads = self._axes(integers(self.axes), rank), integers(self.pads)
        if axes is None or pads is None:
            return None
        found = [(0, 0)] * rank
        for i, axis in enumerate(axes):
            found[axis] = pads[i], pads[i + len(axes)]
        return found

    def resized(self, operands: Mapping[Value, Value], kept: Kept) -> Op:
        amounts = self._amounts()
        if amounts is None:
            return self._on(operands)
        for axis, (begin, end) in enumerate(amounts):
            size = self.type.dims[axis]
            if (begin or end) and not kept.layouts[self].is_fixed(axis) and isinstance(size, int):
                amounts[axis] = kept.count(self, axis, 0, begin), kept.count(self, axis, size - end, size)
        pads = Const(np.array([*(b for b, _ in amounts), *(e for _, e in amounts)], np.int64), self.pads.name)
        fill = None if self.constant_value is None else operands[self.constant_value]
        return Pad(operands[self.x], pads, fill, mode=self.mode).named(self.name, self.loc)

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 2, 3, 4)
        yield Pad(x, literal("pads", [0, 1, 2, 0, 0, 3]))
        yield Pad(x, literal("pads", [1, -1, 0, 2, 0, -2]), literal("fill", 1.5, DType.float32))
        yield Pad(x, literal("pads", [2, 1, 2, 3]), axes=literal("axes", [-2, 2]), mode="reflect")
        yield Pad(x, literal("pads", [0, 5, 0, 0, 2, 6]), mode="edge")
        yield Pad(x, literal("pads", [0, 1, 2, 1, 0, 3]), mode="wrap")
        yield Pad(value("x", symbol("N"), symbol("H")), literal("pads", [0, 1, 0, 2]))
        yield Pad(value("x", 2, 3, dtype=DType.int32), literal("pads", [0, 1, 0, 2]), literal("fill", 7, DType.int32))


def _surround(x: torch.Tensor, begins: list[int], ends: list[int], fill: torch.Tensor | None) -> torch.Tensor:
    cuts = zip(x.shape, begins, ends, strict=True)
    x = x[tuple(slice(max(-begin, 0), n - max(-end, 0)) for n, begin, end in cuts)]
    grown = [(max(begin, 0), n, max(end, 0)) for n, begin, end in zip(x.shape, begins, ends, strict=True)]
    shape = [begin + n + end for begin, n, end in grown]
    out = torch.zeros(shape, dtype=x.dtype) if fill is None else fill.reshape(()).expand(shape).clone()
    out[tuple(slice(begin, begin + n) for begin, n, _ in grown)] = x
    return out
