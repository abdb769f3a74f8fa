"""Complex numbers as ONNX spells them: real and imaginary part along the last axis."""

from __future__ import annotations

import torch

from lissom.ir.families.pooling import widened


def as_complex(x: torch.Tensor) -> torch.Tensor:
    """(*, 2), or (*, 1) for real parts only, to complex (*)."""
    wide = widened(x)
    if wide.shape[-1] == 1:
        wide = torch.cat((wide, torch.zeros_like(wide)), -1)
    return torch.view_as_complex(wide.contiguous())


def as_real(x: torch.Tensor) -> torch.Tensor:
    """Complex (*) to (*, 2)."""
    return torch.view_as_real(x.resolve_conj())
