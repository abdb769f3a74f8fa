from __future__ import annotations

from collections.abc import Iterable

import torch

from lissom.ir.families.losses import loss, loss_type
from lissom.ir.families.pooling import widened
from lissom.ir.op import Op
from lissom.ir.samples import literal, value, weight
from lissom.ir.types import TensorType
from lissom.ir.values import Value


class SoftmaxCrossEntropyLoss(Op):
    """The NegativeLogLikelihoodLoss of log_softmax(scores) over the classes (axis 1).

    Shapes: scores (N, C, *), labels (N, *), weights (C). The second result, there when ``results_used`` is 2, is
    log_softmax(scores).
    """

    scores: Value
    labels: Value
    weights: Value | None = None
    ignore_index: int | None = None
    reduction: str = "mean"
    results_used: int = 1

    def infer(self) -> tuple[TensorType, ...]:
        first = loss_type(self, self.scores, self.labels, self.weights, self.reduction)
        return (first, self.scores.type)[: self.results_used]

    def run(
        self, scores: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, ...]:
        log_probabilities = torch.log_softmax(widened(scores), 1)
        first = loss(log_probabilities, labels, weights, self.ignore_index, self.reduction)
        return (first.to(scores.dtype), log_probabilities.to(scores.dtype))[: self.results_used]

    @staticmethod
    def samples() -> Iterable[Op]:
        x, labels = value("x", 3, 5), literal("labels", [0, 4, 2])
        yield SoftmaxCrossEntropyLoss(x, labels)
        yield SoftmaxCrossEntropyLoss(x, labels, weight("w", 5, low=0.1), ignore_index=4, results_used=2)
        yield SoftmaxCrossEntropyLoss(value("x", 2, 5, 2), literal("labels", [[0, 1], [-7, 2]]), None, -7, "none")
        yield SoftmaxCrossEntropyLoss(value("x", 3, 5, 1), literal("labels", [[0], [4], [2]]), None, None, "sum")
