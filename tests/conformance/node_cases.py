"""The node cases of the onnx package, each with the outcome it has here: importer and interpreter together.

A case passes when every output has the expected dtype, shape and elements. It is refused by name when the importer or
the interpreter raises Unsupported with a message that names an op of the case. Anything else is wrong.

Integers, bools and floats of 8 bits or fewer must be equal. Wider floats may differ by the tolerances of the case.
Those are made for float32: bfloat16 and float16 may instead differ by two units in the last place, one from rounding in
another order and one from rounding the result.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

from lissom.ir.errors import Unsupported
from lissom.ir.importers.onnx import load
from lissom.ir.importers.onnx.lowering import LOWERINGS
from lissom.ir.interpreter import evaluate
from lissom.ir.op import OPS

NOISY = {"test_dft_inverse": 1e-6, "test_dft_inverse_opset19": 1e-6}
"""Absolute tolerance for cases whose expectation has float32 noise above the usual 1e-7 where the exact result is 0."""

PASSED, REFUSED, WRONG = "passed", "refused", "wrong"


@dataclass(frozen=True)
class Outcome:
    """What became of one case; ``op`` is the operator the case is about, ``reason`` why it did not pass."""

    name: str
    op: str
    status: str
    reason: str = ""


@dataclass(frozen=True)
class Row:
    """The cases of one operator, counted."""

    op: str
    passed: int
    refused: int
    total: int
    ours: bool


@cache
def cases() -> tuple[Any, ...]:
    """All node cases of the installed onnx."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cases divide by zero and overflow on purpose
        return tuple(collect_testcases(None))


@cache
def outcomes() -> tuple[Outcome, ...]:
    """The outcome of every case; computed once in a process."""
    subjects = {case.name: _subject(case.model.graph.node[0]) for case in cases() if "_expanded" not in case.name}
    return tuple(_outcome(case, subjects.get(case.name.split("_expanded")[0])) for case in cases())


@cache
def rows() -> tuple[Row, ...]:
    """The outcomes by operator, in alphabetical order."""
    counts: dict[str, Counter[str]] = {}
    for o in outcomes():
        counts.setdefault(o.op, Counter())[o.status] += 1
    return tuple(
        Row(op, n[PASSED], n[REFUSED], n.total(), op in OPS or op in LOWERINGS) for op, n in sorted(counts.items())
    )


def _subject(node: onnx.NodeProto) -> str:
    return f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type


def _outcome(case: Any, subject: str | None) -> Outcome:
    op = subject or _subject(case.model.graph.node[0])
    try:
        graph = load(case.model)
        for inputs, expected in case.data_sets:
            reason = _difference(case, evaluate(graph, *map(_array, inputs)), expected)
            if reason:
                return Outcome(case.name, op, WRONG, reason)
    except Unsupported as e:
        named = any(node.op_type in str(e) for node in case.model.graph.node)
        return Outcome(case.name, op, REFUSED if named else WRONG, str(e))
    except Exception as e:  # whatever else is raised is what this looks for
        return Outcome(case.name, op, WRONG, f"{type(e).__name__}: {e}")
    return Outcome(case.name, op, PASSED)


def _array(given: Any) -> Any:
    return numpy_helper.to_array(given) if isinstance(given, onnx.TensorProto) else given


def _difference(case: Any, got: list[Any], expected: Any) -> str:
    """What is wrong with the outputs; empty when they are as expected."""
    if len(got) != len(expected):
        return f"{len(expected)} outputs expected, got {len(got)}"
    for i, (a, b) in enumerate(zip(got, map(_array, expected), strict=True)):
        b = np.asarray(b)
        if a.dtype != b.dtype or a.shape != b.shape:
            return f"output {i}: expected {b.dtype}{list(b.shape)}, got {a.dtype}{list(a.shape)}"
        if not _close(a, b, case.rtol, NOISY.get(case.name, case.atol)):
            return f"output {i}: expected {b.ravel()[:8]}, got {a.ravel()[:8]}"
    return ""


def _close(a: Any, b: Any, rtol: float, atol: float) -> bool:
    if a.dtype in (np.float16, ml_dtypes.bfloat16):
        rtol = max(rtol, 2 * float(ml_dtypes.finfo(a.dtype).eps))
        a, b = a.astype(np.float32), b.astype(np.float32)
    if a.dtype.kind in "fc":
        return np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True)
    return bool(np.all((a == b) | ((a != a) & (b != b))))
