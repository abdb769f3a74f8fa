from __future__ import annotations

import torch

from lissom.ir.families.reduction import ArgExtremum


class ArgMin(ArgExtremum):
    """y = the index of the smallest element along ``axis``; of equals the first or last (``select_last_index``)."""

    def position(self, data: torch.Tensor) -> torch.Tensor:
        return data.argmin(self.axis, keepdim=self.keepdims)
