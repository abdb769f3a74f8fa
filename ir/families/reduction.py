"""Bases of the ops that take one or more axes out of a tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np
import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.dims import symbol
from lissom.ir.families.unsigned import ordered
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Value


class Reduction(Op, abstract=True):
    """y = f(all elements of data along ``axes``), for every index along the other axes.

    ``axes`` are int64 and may be negative. Absent or empty ones mean all axes, or with ``noop_with_empty_axes`` none:
    then f works on each element alone. With ``keepdims`` the reduced axes stay, of size 1.
    """

    data: Value
    axes: Value | None = None
    keepdims: bool = True
    noop_with_empty_axes: bool = False

    sample_dtypes: ClassVar[tuple[DType, ...]] = (DType.float16, DType.int32)
    """What samples hold besides float32."""
    whole: ClassVar[bool] = True
    """Whether integers give integers, right modulo 2**64; otherwise f works on them as float64."""

    def infer(self) -> TensorType:
        dtype, shape = self.data.type.dtype, self.data.type.dims
        if self.axes is not None and self.axes.contents is None and self.axes.type.static != (0,):
            return TensorType(dtype, None)  # which axes go is not known before the op runs
        reduced = self.reduced_axes()
        kept = [1 if i in reduced else d for i, d in enumerate(shape) if self.keepdims or i not in reduced]
        return TensorType(dtype, tuple(kept))

    def reduced_axes(self, axes: torch.Tensor | None = None) -> tuple[int, ...]:
        """The axes that go, counted from the front, in order. ``axes`` are needed only where they are not constant."""
        given: list[int] = []
        if self.axes is not None and self.axes.contents is not None:
            given = [int(a) for a in self.axes.contents.reshape(-1)]
        elif axes is not None:
            given = axes.reshape(-1).tolist()
        rank = self.data.type.rank
        self.require(all(-rank <= a < rank for a in given), f"axes of {self.data.type}", tuple(given))
        if not given and not self.noop_with_empty_axes:
            return tuple(range(rank))
        return tuple(sorted({a % rank for a in given}))

    def run(self, data: torch.Tensor, axes: torch.Tensor | None) -> torch.Tensor:
        reduced, keepdims = self.reduced_axes(axes), self.keepdims
        if not reduced:  # torch takes no axes for all axes
            data, reduced, keepdims = data.unsqueeze(0), (0,), False
        return self.reduce(self._accumulator(data), reduced, keepdims).to(self.type.dtype.torch)

    def _accumulator(self, data: torch.Tensor) -> torch.Tensor:
        """Half floats as float32 and integers in 64 bits, so that a long sum keeps its digits and rounds once."""
        if data.dtype.is_floating_point:
            return data.to(torch.promote_types(data.dtype, torch.float32))
        return data.to(torch.int64 if self.whole else torch.float64)

    def reduce(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        """f along one or more axes of float32, float64 or int64 data, which stand for uint64 modulo 2**64."""
        raise NotImplementedError(f"{self.op_type}.reduce")

    adds: ClassVar[bool] = False
    """Whether elements that are zero may be left out of the result."""

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        if self.axes is not None and self.axes.contents is None:
            return flow.opaque(self, "which axes it reduces is computed")
        gone = self.reduced_axes()
        if not self.adds:
            flow.statistic(self, self.data, gone, reduced=True)
        labels = range(self.data.type.rank)
        left = [a for a in labels if a not in gone]
        layout = flow.einsum(self, [(self.data, labels)], left, read=self.adds)
        for axis in gone if self.keepdims else ():
            layout = layout.insert(axis)
        return layout

    @classmethod
    def samples(cls) -> Iterable[Op]:
        x = value("data", symbol("N"), 3, 4, low=0.25, high=2.0)
        yield cls(x)
        yield cls(x, literal("axes", [-1, 1]))
        yield cls(x, literal("axes", [0]), keepdims=False)
        yield cls(x, noop_with_empty_axes=True)
        yield cls(value("data", 2, 3, low=0.25), value("axes", 1, dtype=DType.int64, high=2), keepdims=False)
        for dtype in cls.sample_dtypes:
            yield cls(value("data", 2, 3, 4, dtype=dtype, low=1), literal("axes", [1]))


def fold_reduction(op: Reduction, function: Callable[[Any], Any]) -> Array | None:
    """Contents of a reduction over all of a vector of known contents."""
    known = op.data.contents
    if known is None or known.ndim != 1 or not op.reduced_axes():
        return None
    folded = np.empty((1,) if op.keepdims else (), dtype=object)
    folded[...] = function(tuple(known))
    return folded


class Extremum(Reduction, abstract=True):
    """y = the best of all elements along ``axes``; of no elements the worst there is."""

    sample_dtypes: ClassVar[tuple[DType, ...]] = (DType.float16, DType.int8, DType.uint64, DType.bool)
    worst: ClassVar[float]

    def run(self, data: torch.Tensor, axes: torch.Tensor | None) -> torch.Tensor:
        reduced, keepdims = self.reduced_axes(axes), self.keepdims
        if not reduced:
            return data
        if data.numel() == 0:
            sizes = [1 if i in reduced else d for i, d in enumerate(data.shape) if keepdims or i not in reduced]
            return torch.full(sizes, self.worst_element(), dtype=data.dtype)
        return ordered(lambda v: self.best(v, reduced, keepdims), self.type.dtype, data)

    def worst_element(self) -> float | int:
        """``worst``, or the integer nearest to it."""
        dtype = self.type.dtype.torch
        if dtype.is_floating_point:
            return self.worst
        if dtype is torch.bool:
            return int(self.worst > 0)
        return torch.iinfo(dtype).max if self.worst > 0 else torch.iinfo(dtype).min

    def best(self, data: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
        """The best along one or more axes, none of them empty."""
        raise NotImplementedError(f"{self.op_type}.best")


class ArgExtremum(Op, abstract=True):
    """y = the index of the best element along ``axis``: the first of equals, or with ``select_last_index`` the last."""

    data: Value
    axis: int = 0
    keepdims: bool = True
    select_last_index: bool = False

    def infer(self) -> TensorType:
        shape = self.data.type.dims
        self.require(-len(shape) <= self.axis < len(shape), f"an axis of {self.data.type}", self.axis)
        axis = self.axis % len(shape)
        kept = tuple(1 if i == axis else d for i, d in enumerate(shape) if self.keepdims or i != axis)
        return TensorType(DType.int64, kept)

    def run(self, data: torch.Tensor) -> torch.Tensor:
        last = self.select_last_index
        found = ordered(lambda v: self.position(v.flip(self.axis) if last else v), DType.int64, data)
        return data.shape[self.axis] - 1 - found if last else found

    def position(self, data: torch.Tensor) -> torch.Tensor:
        """The index of the first best element along ``axis``."""
        raise NotImplementedError(f"{self.op_type}.position")

    def channels(self, flow: Flow) -> Layout:
        axis = self.axis % self.data.type.rank
        layout = flow.keep(self, self.data, axis, "the number of one of them is the result").drop([axis])
        return layout.insert(axis) if self.keepdims else layout

    @classmethod
    def samples(cls) -> Iterable[Op]:
        x = value("data", symbol("N"), 3, 4)
        ties = value("data", 2, 3, 9, dtype=DType.int32, high=3)
        yield cls(x, axis=1)
        yield cls(x, axis=-1, keepdims=False)
        yield cls(ties, axis=2)
        yield cls(ties, axis=-1, select_last_index=True)
        yield cls(value("data", 9, dtype=DType.uint8, high=3), keepdims=False)
        yield cls(value("data", 2, 5, dtype=DType.float16), axis=1)
