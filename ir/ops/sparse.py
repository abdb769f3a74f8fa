from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np
import torch

from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.values import Const, Value

FAR = 255
"""The largest distance a byte holds."""


class Sparse(Op):
    """Weights that are mostly zero, stored as what is not: blocks of ``values``, and how far each is from the last.

    ``values`` (entries, block) are of any type; ``gaps`` (entries) are uint8, the first counted from the beginning,
    the others above 0. Blocks are counted along a tensor of ``shape`` with the axis ``axis`` moved to the end.
    Distances are relative as in EIE (Han et al. 2016, arXiv:1602.01528, section III): where one would not fit in a
    byte, a block of zeros lies between.
    """

    domain = "lissom"

    values: Value
    gaps: Value
    shape: tuple[int, ...]
    axis: int = -1

    def infer(self) -> TensorType:
        table, gaps = self.values.type, self.gaps.type
        self.require(table.rank == 2, "values (entries, block)", table)
        entries, block = table.dims
        self.require(gaps == TensorType(DType.uint8, (entries,)), f"a byte for each of {entries} entries", gaps)
        self.require(isinstance(block, int) and prod(self.shape) % block == 0, f"whole blocks in {self.shape}", block)
        self.require(-len(self.shape) <= self.axis < len(self.shape), f"an axis of {self.shape}", self.axis)
        if isinstance(self.gaps, Const) and isinstance(block, int):
            last = int(self.gaps.data.astype(np.int64).sum())
            self.require(bool((self.gaps.data[1:] > 0).all()), "gaps above 0 behind the first", self.gaps.data)
            self.require(not self.gaps.data.size or last < prod(self.shape) // block, "blocks inside the tensor", last)
        return TensorType(table.dtype, self.shape)

    @property
    def moved(self) -> tuple[int, ...]:
        """The sizes with ``axis`` at the end."""
        axis = self.axis % len(self.shape)
        return (*self.shape[:axis], *self.shape[axis + 1 :], self.shape[axis])

    def run(self, values: torch.Tensor, gaps: torch.Tensor) -> torch.Tensor:
        block = values.shape[1]
        flat = torch.zeros((prod(self.shape) // block, block), dtype=values.dtype, device=values.device)
        flat = flat.index_copy(0, torch.cumsum(gaps.long(), 0), values)
        return flat.reshape(self.moved).movedim(-1, self.axis).contiguous()

    def as_qdq(self) -> Value:
        """ScatterND into zeros, at running sums of the gaps."""
        from lissom.ir.ops.cast import Cast
        from lissom.ir.ops.constant_of_shape import ConstantOfShape
        from lissom.ir.ops.cum_sum import CumSum
        from lissom.ir.ops.reshape import Reshape
        from lissom.ir.ops.scatter_nd import ScatterND
        from lissom.ir.ops.transpose import Transpose

        def numbers(*n: int) -> Const:
            return Const(np.array(n, np.int64))

        block = self.values.type.dims[1]
        assert isinstance(block, int)
        zeros = ConstantOfShape(numbers(prod(self.shape) // block, block), dtype=self.type.dtype)
        at = CumSum(Cast(self.gaps, to=DType.int64), Const(np.array(0, np.int64)))
        flat = Reshape(ScatterND(zeros, Reshape(at, numbers(-1, 1)), self.values), numbers(*self.moved))
        axis = self.axis % len(self.shape)
        perm = list(range(len(self.shape) - 1))
        perm.insert(axis, len(self.shape) - 1)
        return Transpose(flat, perm=tuple(perm)).named(self.name, self.loc)

    def channels(self, flow: Flow) -> Layout | tuple[Layout, ...]:
        return flow.opaque(self, "its elements are encoded; channels go before")

    @staticmethod
    def samples() -> Iterable[Op]:
        yield Sparse(value("values", 3, 2), literal("gaps", [1, 1, 3], DType.uint8), (3, 4))
        yield Sparse(value("values", 2, 1), literal("gaps", [0, 4], DType.uint8), (2, 3, 2), axis=1)
        yield Sparse(
            Const(np.array([[1, -2, 3, 4]], np.int8), "values"), literal("gaps", [2], DType.uint8), (4, 4, 1, 1), 1
        )


def encoded(array: Array, axis: int, block: int) -> tuple[Array, Array]:
    """The values and gaps of a :class:`Sparse` that is ``array``, whose size is a multiple of ``block``."""
    blocks = np.moveaxis(array, axis, -1).reshape(-1, block)
    at = np.flatnonzero(blocks.any(1))
    gaps = np.diff(at, prepend=0)
    between = [int(g) // FAR if g % FAR or g == 0 else int(g) // FAR - 1 for g in gaps]  # whole bytes on the way
    steps = np.array([step for n, g in zip(between, gaps, strict=True) for step in [FAR] * n + [g - FAR * n]])
    values = np.zeros((len(steps), block), array.dtype)
    values[np.cumsum(np.array(between, np.int64) + 1) - 1] = blocks[at]
    return values, steps.astype(np.uint8)
