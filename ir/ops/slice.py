from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch

from lissom.ir.axes import all_from_front
from lissom.ir.channels.atoms import Factor, Layout, Unaligned
from lissom.ir.channels.flow import Flow
from lissom.ir.channels.kept import Kept
from lissom.ir.contents import count, elements, integers
from lissom.ir.dims import symbol
from lissom.ir.families.bits import take
from lissom.ir.op import Op
from lissom.ir.ops.gather import Gather
from lissom.ir.samples import literal, value
from lissom.ir.spans import positions, span
from lissom.ir.types import Array, DType, Shape, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import Const, Value

_MAX = 2**63 - 1


class Slice(Op):
    """y = x[starts[i] : ends[i] : steps[i]] along each axis axes[i]: the first axes by default, steps of 1.

    Negative starts and ends count from the end, those out of range are clipped; a negative step goes backwards.
    """

    x: Value
    starts: Value
    ends: Value
    axes: Value | None = None
    steps: Value | None = None

    def infer(self) -> TensorType:
        operands = [v for v in (self.starts, self.ends, self.axes, self.steps) if v is not None]
        lengths = {n for v in operands if (n := count(v)) is not None}
        self.require(len(lengths) <= 1, "starts, ends, axes and steps of one length", [v.type for v in operands])
        return TensorType(self.x.type.dtype, self._shape(lengths.pop() if lengths else None))

    def _shape(self, length: int | None) -> Shape:
        sizes = list(self.x.type.dims)
        axes = self._axes(integers(self.axes), length, len(sizes))
        if length is None or axes is None:
            return tuple(unknown_size(self, i) for i in range(len(sizes)))
        starts, ends = elements(self.starts), elements(self.ends)
        steps = integers(self.steps) if self.steps is not None else (1,) * length
        for i, axis in enumerate(axes):
            taken = None
            if starts is not None and ends is not None and steps is not None:
                self.require(steps[i] != 0, "steps other than 0", steps)
                taken = span(starts[i], ends[i], steps[i], sizes[axis])
            sizes[axis] = unknown_size(self, axis) if taken is None else taken[1]
        return tuple(sizes)

    def _axes(self, axes: Sequence[int] | None, length: int | None, rank: int) -> tuple[int, ...] | None:
        if self.axes is None:
            return None if length is None else tuple(range(length))
        return None if axes is None else all_from_front(self, axes, rank)

    def run(
        self,
        x: torch.Tensor,
        starts: torch.Tensor,
        ends: torch.Tensor,
        axes: torch.Tensor | None = None,
        steps: torch.Tensor | None = None,
    ) -> torch.Tensor:
        n = starts.numel()
        axis_numbers = None if axes is None else axes.reshape(-1).tolist()
        strides = [1] * n if steps is None else steps.reshape(-1).tolist()
        spans = zip(starts.reshape(-1).tolist(), ends.reshape(-1).tolist(), strides, strict=True)
        for axis, (start, end, step) in zip(self._axes(axis_numbers, n, x.ndim) or (), spans, strict=True):
            taken = positions(start, end, step, x.shape[axis])
            if step > 0:
                x = x[(slice(None),) * axis + (slice(taken.start, taken.stop, step),)]
            else:
                x = take(x, axis, torch.tensor(taken, dtype=torch.int64))
        return x

    def fold_contents(self) -> Array | None:
        known, starts, ends, n = self.x.contents, integers(self.starts), integers(self.ends), count(self.starts)
        if known is None or starts is None or ends is None:
            return None
        axes = self._axes(integers(self.axes), n, known.ndim)
        steps = integers(self.steps) if self.steps is not None else (1,) * len(starts)
        if axes is None or steps is None:
            return None
        for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
            known = np.take(known, list(positions(start, end, step, known.shape[axis])), axis)
        return known

    def _taken(self) -> dict[int, Sequence[int]] | None:
        """For each axis that is sliced and has a static size, the positions taken; None where they are computed."""
        starts, ends, steps = integers(self.starts), integers(self.ends), integers(self.steps)
        axes = self._axes(integers(self.axes), count(self.starts), self.x.type.rank)
        if starts is None or ends is None or axes is None or (self.steps is not None and steps is None):
            return None
        sizes = self.x.type.dims
        taken: dict[int, Sequence[int]] = {}
        for axis, start, end, step in zip(axes, starts, ends, steps or (1,) * len(starts), strict=True):
            size = sizes[axis]
            if isinstance(size, int):
                taken[axis] = positions(start, end, step, size)
        return taken

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        layout, taken = flow.of(self.x), self._taken()
        for axis, size in enumerate(self.type.dims):
            if layout.is_fixed(axis):
                layout = layout.with_axis(axis, (Factor(size),))
            elif taken is None:
                return flow.opaque(self, "where it slices is computed")
            elif axis in taken:
                try:
                    layout = flow.take(self, layout, axis, np.array(taken[axis], np.int64))
                except Unaligned:
                    return flow.opaque(self, "it cuts across the factors of an axis")
        return layout

    def resized(self, operands: Mapping[Value, Value], kept: Kept) -> Op:
        taken = self._taken() or {}
        fewer = [a for a in taken if not kept.layouts[self.x].is_fixed(a)]
        if not fewer:
            return self._on(operands)
        x: Value = operands[self.x]
        for axis in fewer:
            x = self._fewer(x, axis, taken[axis], kept)
        axes = self._axes(integers(self.axes), count(self.starts), self.x.type.rank) or ()
        rest = np.array([i for i, a in enumerate(axes) if a not in fewer], np.int64)
        if rest.size:

            def pick(v: Value) -> Value:
                return Gather(operands[v], Const(rest))

            steps = None if self.steps is None else pick(self.steps)
            x = Slice(x, pick(self.starts), pick(self.ends), Const(np.array(axes)[rest]), steps)
        assert isinstance(x, Op)
        return x.named(self.name, self.loc)

    def _fewer(self, x: Value, axis: int, at: Sequence[int], kept: Kept) -> Op:
        """The positions ``at`` of an axis that has lost some."""
        where = kept.where(self.x, axis, at)
        if len(where) and (np.diff(where) == 1).all():
            bounds = (Const(np.array([n], np.int64)) for n in (where[0], where[-1] + 1, axis))
            return Slice(x, *bounds)
        return Gather(x, Const(where), axis)

    @staticmethod
    def samples() -> Iterable[Op]:
        x, n = value("x", 4, 5, 6), symbol("N")
        yield Slice(x, literal("starts", [1, 0]), literal("ends", [3, 4]))
        yield Slice(x, literal("s", [-4, 1]), literal("e", [-1, _MAX]), literal("a", [-1, 1]), literal("k", [1, 2]))
        yield Slice(x, literal("s", [5, 9]), literal("e", [0, -(2**31)]), literal("a", [2, 1]), literal("k", [-2, -1]))
        yield Slice(x, literal("starts", [3]), literal("ends", [1]), literal("axes", [1]))
        yield Slice(
            value("x", n, 7, dtype=DType.int8),
            literal("starts", [1, -3], DType.int32),
            literal("ends", [2**31 - 1, -1], DType.int32),
            literal("axes", [0, 1], DType.int32),
        )
