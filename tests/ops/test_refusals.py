"""Operands that do not fit are refused when the op is built, with what was expected and what was got."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lissom.ir.errors import TypeMismatch
from lissom.ir.op import Op
from lissom.ir.ops import (
    Add,
    And,
    ArgMax,
    BitCast,
    BitwiseAnd,
    Clip,
    CumSum,
    Dropout,
    Equal,
    LogSoftmax,
    MeanVarianceNormalization,
    Not,
    PRelu,
    ReduceMax,
    Softmax,
    Sqrt,
    Sum,
    Trilu,
    Where,
)
from lissom.ir.samples import literal, value
from lissom.ir.types import DType

X = value("x", 2, 3)
WHOLE = value("n", 2, 3, dtype=DType.int32)
YES = value("c", 2, 3, dtype=DType.bool)


@pytest.mark.parametrize(
    ("build", "expected", "got"),
    [
        (lambda: Add(X, WHOLE), "operands of one dtype", "int32"),
        (lambda: Add(X, value("y", 2, 4)), "operands that broadcast", r"float32\[2,4\]"),
        (lambda: Equal(X, WHOLE), "operands of one dtype", "int32"),
        (lambda: And(YES, WHOLE), "operands of one dtype|bools", "int32"),
        (lambda: Not(X), "bools", "float32"),
        (lambda: BitwiseAnd(X, X), "integers", "float32"),
        (lambda: Sqrt(WHOLE), "a float operand", "int32"),
        (lambda: Sum(()), "one or more operands", r"\[\]"),
        (lambda: Sum((X, WHOLE)), "of one dtype", "int32"),
        (lambda: Where(X, X, X), "a bool condition", "float32"),
        (lambda: Where(YES, X, WHOLE), "x and y of one dtype", "int32"),
        (lambda: Softmax(X, axis=2), r"an axis of float32\[2,3\]", "2"),
        (lambda: LogSoftmax(value("x")), "an axis of", "-1"),
        (lambda: ReduceMax(X, literal("axes", [0, -3])), "axes of", "-3"),
        (lambda: ArgMax(X, axis=2), "an axis of", "2"),
        (lambda: CumSum(X, literal("axis", [0, 1])), "one axis", r"int64\[2\]"),
        (lambda: Trilu(value("x", 3)), "two axes", r"float32\[3\]"),
        (lambda: Clip(X, literal("min", 0)), "a bound of type float32", "int64"),
        (lambda: Clip(X, value("min", 3)), "a scalar bound", r"float32\[3\]"),
        (lambda: PRelu(X, value("slope", 4, 2, 3)), "a slope that broadcasts to x", r"float32\[4,2,3\]"),
        (lambda: PRelu(value("x", 1, 3), value("slope", 2, 3)), "a slope that broadcasts to x", r"float32\[2,3\]"),
        (lambda: BitCast(X, DType.int64), "a type of 32 bits", "int64"),
        (lambda: Dropout(WHOLE), "float data", "int32"),
        (lambda: MeanVarianceNormalization(X), "axes of", r"\(0, 2, 3\)"),
    ],
)
def test_refused(build: Callable[[], Op], expected: str, got: str) -> None:
    with pytest.raises(TypeMismatch, match=f"(?s)expected .*({expected}).*, got .*{got}"):
        build()
