"""What the classification losses share: class weights, ignored labels, reductions."""

from __future__ import annotations

import torch

from lissom.ir.families.pooling import widened
from lissom.ir.op import Op
from lissom.ir.types import DType, TensorType
from lissom.ir.values import Value

REDUCTIONS = ("none", "mean", "sum")


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
    counts = torch.ones_like(labels, dtype=torch.bool) if ignore_index is None else labels != ignore_index
    classes = torch.where(counts, labels, 0).long()
    each = torch.ones_like(classes, dtype=wide.dtype) if weights is None else weights.to(wide.dtype)[classes]
    each = torch.where(counts, each, 0.0)
    losses = -wide.gather(1, classes[:, None])[:, 0] * each
    if reduction == "mean":
        losses = losses.sum() / each.sum()
    elif reduction == "sum":
        losses = losses.sum()
    return losses.to(log_probabilities.dtype)
