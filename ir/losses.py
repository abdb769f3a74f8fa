"""What the classification losses share: class weights, ignored labels, reductions."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from lissom.ir.op import Op
from lissom.ir.pooling import widened
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value

REDUCTIONS = ("none", "mean", "sum")
_NOTHING = -(1 << 62)  # a label that does not occur: nothing is ignored


def loss_type(op: Op, scores: Value, labels: Value, weights: Value | None, reduction: str) -> TensorType:
    """The type of the loss; raises TypeMismatch at ``op`` where labels or weights do not fit the scores."""
    op.require(reduction in REDUCTIONS, "reduction none, mean or sum", reduction)
    op.require(labels.type.dtype in (DType.int32, DType.int64), "integer labels", labels.type)
    op.require(labels.type.rank == scores.type.rank - 1 >= 1, f"labels of rank {scores.type.rank - 1}", labels.type)
    op.require(weights is None or weights.type.rank == 1, "one weight for each class", weights and weights.type)
    return TensorType(scores.type.dtype, labels.type.shape if reduction == "none" else ())


def loss(
    log_probabilities: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor | None,
    ignore_index: int | None,
    reduction: str,
) -> torch.Tensor:
    """``-log_probabilities`` of the labels; the mean is over the weights of the labels that are not ignored."""
    wide = widened(log_probabilities)
    ignored = _NOTHING if ignore_index is None else ignore_index
    w = None if weights is None else weights.to(wide.dtype)
    return F.nll_loss(wide, labels.long(), w, ignore_index=ignored, reduction=reduction).to(log_probabilities.dtype)
