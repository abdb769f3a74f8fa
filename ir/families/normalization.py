"""What the normalizations share: stage one in a wide type, stage two in the type of the data."""

from __future__ import annotations

import torch

from lissom.ir.op import Op
from lissom.ir.types import DType
from lissom.ir.values import Value


def stash(x: torch.Tensor, stash_type: DType) -> torch.Tensor:
    """``x`` in the type of stage one: ``stash_type``, but never one that is narrower than x's own."""
    return x.to(torch.promote_types(x.dtype, stash_type.torch))


def require_broadcastable(op: Op, x: Value, *parameters: Value | None) -> None:
    """Raise TypeMismatch at ``op`` unless every parameter broadcasts to the shape of ``x``."""
    for p in parameters:
        if p is None:
            continue
        pairs = zip(reversed(p.type.dims), reversed(x.type.dims), strict=False)
        fits = all(a in (1, b) or not (isinstance(a, int) and isinstance(b, int)) for a, b in pairs)
        op.require(fits and p.type.rank <= x.type.rank, f"parameters that broadcast to {x.type}", p.type)
