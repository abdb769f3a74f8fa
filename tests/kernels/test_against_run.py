"""Every op's samples in C compute what the interpreter computes: integers the same bytes, floats within a bound."""

from __future__ import annotations

import subprocess
from typing import Any

import numpy as np

from lissom.ir.errors import Error
from lissom.ir.interpreter import evaluate
from lissom.ir.types import Array


def assert_same(got: Array, want: Array) -> None:
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    if want.dtype.kind != "f":
        assert got.tobytes() == want.tobytes()
        return
    size = np.abs(want[np.isfinite(want)]).max(initial=0.0)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=2e-6 * max(float(size), 1.0))


def test_sample(sample_id: str, samples: Any) -> None:
    cases, library = samples
    case = cases[sample_id]
    if isinstance(case, Error):  # a refusal has to say who it is about
        assert sample_id.rpartition("-")[0].lower() in str(case).lower() or "put '" in str(case)
        return
    for got, want in zip(library.run(case, case.feed), evaluate(case.graph, *case.feed), strict=True):
        assert_same(got, want)


def test_sanitizers_are_silent(sanitized: subprocess.CompletedProcess[str]) -> None:
    assert sanitized.stderr == ""
    assert sanitized.returncode == 0
