from __future__ import annotations

import torch

from lissom.ir.reduction import ArgExtremum


class ArgMin(ArgExtremum):
    """y = the index of the smallest element along ``axis``: the first of equals, or with ``select_last_index`` the last."""

    def position(self, data: torch.Tensor) -> torch.Tensor:
        return data.argmin(self.axis, keepdim=self.keepdims)
