"""What changes nothing in eval mode."""

from __future__ import annotations

from lissom.ir.importers.torch.operands import scalar
from lissom.ir.importers.torch.registry import translates
from lissom.ir.ops.dropout import Dropout
from lissom.ir.types import DType
from lissom.ir.values import Value


@translates("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout", "lissom.dropout.default")
def dropout(x: Value, p: float, train: bool) -> Value:
    """Kept, so that what is trained later drops again; all kinds become the plain one, element by element."""
    return Dropout(x, scalar(p, DType.float32))


@translates(
    "alias",
    "clone",
    "contiguous",
    "detach",
    "detach_",
    "lift_fresh",
    "lift_fresh_copy",
    "resolve_conj",
    "resolve_neg",
    "conj",
    "real",
    "positive",
    "requires_grad_",
    "operator.pos",
)
def identity(x: Value, *ignored: object) -> Value:
    return x
