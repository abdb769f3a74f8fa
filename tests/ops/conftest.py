"""Every op's samples, as parameters: a test that takes ``sample`` runs once for each, with an id like ``Conv-3``.

Where a module has a predicate ``applies``, its tests run on the samples it accepts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

import lissom.ir.ops  # noqa: F401  # fills OPS
from lissom.ir.op import OPS, Op


def samples() -> Iterator[tuple[str, Op | Exception]]:
    for name, cls in sorted(OPS.items()):
        try:
            yield from ((f"{name}-{i}", s) for i, s in enumerate(cls.samples()))
        except Exception as e:  # the tests of this op report it; those of the others go on
            yield f"{name}-samples", e


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "sample" in metafunc.fixturenames:
        applies = getattr(metafunc.module, "applies", lambda op: True)
        params = [pytest.param(s, id=id) for id, s in samples() if isinstance(s, Exception) or applies(s)]
        metafunc.parametrize("sample", params, indirect=True)


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> Op:
    """One small instance of an op, detached."""
    torch.manual_seed(0)
    if isinstance(request.param, Exception):
        raise AssertionError(f"{request.node.name}: building the samples failed: {request.param}") from request.param
    found: Any = request.param
    return found  # type: ignore[no-any-return]
