from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.families.losses import loss, loss_type
from lissom.ir.op import Op
from lissom.ir.samples import literal, value, weight
from lissom.ir.types import TensorType
from lissom.ir.values import Value


class NegativeLogLikelihoodLoss(Op):
    """-input[n,target[n,p],p] * weight[target[n,p]], 0 where target is ``ignore_index``; all, their sum or mean.

    Shapes: input (N, C, *), target (N, *), weight (C). The mean divides by the sum of the weights.
    """

    input: Value
    target: Value
    weight: Value | None = None
    ignore_index: int | None = None
    reduction: str = "mean"

    def infer(self) -> TensorType:
        return loss_type(self, self.input, self.target, self.weight, self.reduction)

    def run(self, x: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
        return loss(x, target, weight, self.ignore_index, self.reduction)

    @staticmethod
    def samples() -> Iterable[Op]:
        x, target = value("x", 3, 5), literal("target", [0, 4, 2])
        yield NegativeLogLikelihoodLoss(x, target)
        yield NegativeLogLikelihoodLoss(x, target, weight("w", 5, low=0.1), ignore_index=4)
        yield NegativeLogLikelihoodLoss(value("x", 2, 5, 2), literal("target", [[0, 1], [-7, 2]]), None, -7, "none")
        yield NegativeLogLikelihoodLoss(value("x", 3, 5, 1), literal("t", [[0], [4], [2]]), None, None, "sum")
