"""Axis numbers: ONNX counts negative ones from the end."""

from __future__ import annotations

from collections.abc import Sequence

from lissom.ir.op import Op


def from_front(op: Op, axis: int, rank: int) -> int:
    """``axis`` counted from the front; raises TypeMismatch at ``op`` unless ``-rank <= axis < rank``."""
    op.require(-rank <= axis < rank, f"an axis in [{-rank}, {rank - 1}]", axis)
    return axis % rank


def all_from_front(op: Op, axes: Sequence[int], rank: int) -> tuple[int, ...]:
    """Several axes counted from the front; raises TypeMismatch where one is out of range or given twice."""
    found = tuple(from_front(op, a, rank) for a in axes)
    op.require(len(set(found)) == len(found), "axes that differ", tuple(axes))
    return found
