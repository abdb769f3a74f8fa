from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch

from lissom.ir.bounds import maximum
from lissom.ir.channels.atoms import Layout
from lissom.ir.channels.flow import Flow
from lissom.ir.contents import elements
from lissom.ir.dims import Dim, ceildiv
from lissom.ir.op import Op
from lissom.ir.samples import literal
from lissom.ir.types import Array, DType, TensorType
from lissom.ir.unknown import unknown_size
from lissom.ir.values import CONTENTS_LIMIT, Const, Value


class Range(Op):
    """y[i] = start + i * delta, for i from 0 to max(ceil((limit - start) / delta), 0) - 1; scalars of one dtype.

    ``stash_type`` is the type in which float16 and bfloat16 are computed.
    """

    start: Value
    limit: Value
    delta: Value
    stash_type: DType = DType.float32

    def infer(self) -> TensorType:
        types = (self.start.type, self.limit.type, self.delta.type)
        self.require(len({t.dtype for t in types}) == 1, "scalars of one dtype", types)
        length = self._length()
        return TensorType(types[0].dtype, (unknown_size(self, 0) if length is None else length,))

    def _length(self) -> Dim | None:
        match [_known(v) for v in (self.start, self.limit, self.delta)]:
            case [(float() | int()) as start, (float() | int()) as limit, (float() | int()) as delta]:
                return self._count(start, limit, delta)
            case [start, limit, int(delta)] if not (isinstance(start, float | None) or isinstance(limit, float | None)):
                self.require(delta != 0, "a delta other than 0", delta)
                return maximum(ceildiv(limit - start, delta), 0)
        return None

    def _count(self, start: float, limit: float, delta: float) -> int:
        self.require(delta != 0, "a delta other than 0", delta)
        if isinstance(start, int) and isinstance(limit, int) and isinstance(delta, int):
            return max(-((start - limit) // delta), 0)
        return max(math.ceil((limit - start) / delta), 0)

    def run(self, start: torch.Tensor, limit: torch.Tensor, delta: torch.Tensor) -> torch.Tensor:
        n = self._count(start.item(), limit.item(), delta.item())
        kept = start.dtype
        if kept in (torch.float16, torch.bfloat16):
            wide = self.stash_type.torch
        else:
            wide = kept if kept.is_floating_point else torch.int64
        steps = torch.arange(n, dtype=wide) * delta.reshape(()).to(wide)
        return (start.reshape(()).to(wide) + steps).to(kept)

    def fold_contents(self) -> Array | None:
        match [_known(v) for v in (self.start, self.delta)], self.type.static:
            case [start, delta], (int(n),) if n <= CONTENTS_LIMIT and start is not None and delta is not None:
                if not isinstance(start, float) and not isinstance(delta, float):
                    contents = np.empty(n, dtype=object)
                    contents[:] = [start + i * delta for i in range(n)]
                    return contents
        return None

    def channels(self, flow: Flow) -> Layout:
        return Layout.fixed(self.type.dims)

    @staticmethod
    def samples() -> Iterable[Op]:
        for dtype, start, limit, delta in (
            (DType.int64, 3, 10, 3),
            (DType.int32, 10, 4, -2),
            (DType.float32, 0.0, 1.0, 0.3),
            (DType.int64, 5, 5, 1),
        ):
            yield Range(literal("start", start, dtype), literal("limit", limit, dtype), literal("delta", delta, dtype))


def _known(scalar: Value) -> Dim | float | None:
    """The number a scalar holds: of any integer value that shape arithmetic knows, and of constants."""
    found = elements(scalar)
    if found is not None and len(found) == 1:
        return found[0]
    if isinstance(scalar, Const) and scalar.data.size == 1:
        return float(scalar.data.reshape(())[()])
    return None
