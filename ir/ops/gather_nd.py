from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.dims import symbol
from lissom.ir.op import Op
from lissom.ir.samples import literal, value
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value


class GatherND(Op):
    """y[b, i] = x[b, *indices[b, i]]: the last axis of ``indices`` holds k coordinates of a slice of x.

    Shapes: x (*b, *d), indices (*b, *i, k) with ``batch_dims`` axes in b; y (*b, *i, *d[k:]). Negative indices count
    from the end.
    """

    frozen = "its indices may point into any channel"

    x: Value
    indices: Value
    batch_dims: int = 0

    def infer(self) -> TensorType:
        x, indices, b = self.x.type.dims, self.indices.type.dims, self.batch_dims
        self.require(0 <= b < min(len(x), len(indices)), "batch_dims below the ranks of x and indices", b)
        k = indices[-1]
        if not isinstance(k, int):
            return TensorType(self.x.type.dtype, None)
        self.require(1 <= k <= len(x) - b, f"1 to {len(x) - b} coordinates", k)
        return TensorType(self.x.type.dtype, (*indices[:-1], *x[b + k :]))

    def run(self, x: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        b, k = self.batch_dims, indices.shape[-1]
        batch = x.shape[:b].numel()
        at = indices.reshape(batch, indices.shape[b:-1].numel(), k).to(torch.int64)
        coordinates = (torch.arange(batch).unsqueeze(1), *at.unbind(-1))
        found = x.reshape(batch, *x.shape[b:])[coordinates]
        return found.reshape(*indices.shape[:-1], *x.shape[b + k :])

    @staticmethod
    def samples() -> Iterable[Op]:
        x = value("x", 3, 4, 5)
        yield GatherND(x, literal("i", [[0], [-1]]))
        yield GatherND(x, literal("i", [[[0, 1], [2, 3]]]))
        yield GatherND(x, literal("i", [[0, 1, 2], [2, -4, 4]], DType.int64))
        yield GatherND(x, literal("i", [[3], [0], [1]]), batch_dims=1)
        yield GatherND(value("x", 2, 2, 3, symbol("H")), literal("i", [[[1], [0]], [[2], [2]]]), batch_dims=2)
