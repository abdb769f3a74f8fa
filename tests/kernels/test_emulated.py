"""The reference kernels, compiled for each Arm target and run under an emulator, equal the interpreter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lissom.backends.c.cross import CROSS
from lissom.backends.c.emulation.machines import lacking_for
from lissom.ir.interpreter import evaluate
from lissom.ir.op import OPS
from lissom.ir.samples import sample_feed, sample_graph, sample_sizes
from lissom.kernels.table import SEVERAL

SEEN = [
    "QLinearConv",
    "QLinearGemm",
    "QLinearAdd",
    "QLinearSub",
    "QLinearMatMul",
    "QLinearAveragePool",
    "QLinearGlobalAveragePool",
    "Lookup",
    "QuantizeLinear",
    "DequantizeLinear",
    "Softmax",
    "MaxPool",
    "Conv",
]
"""One of each kind: all ops at all targets would take minutes."""


@pytest.mark.parametrize("target", [t for t in CROSS if t not in SEVERAL])
def test_samples(target: str, case_maker: Any, library: Any, tmp_path: Path) -> None:
    if lacks := lacking_for(target):
        pytest.skip(f"to run {target} here, install {lacks}")
    cases = []
    for name in SEEN:
        for sample in list(OPS[name].samples())[:3]:
            sizes = sample_sizes(sample)
            graph, feed = sample_graph(sample, sizes), sample_feed(sample, sizes)
            if graph.inputs:
                cases.append(case_maker(name, f"n{len(cases)}", graph, feed, target))
    assert len(cases) >= 15
    built = library(cases, tmp_path)
    for case in cases:
        for got, want in zip(built.run(case, case.feed), evaluate(case.graph, *case.feed), strict=True):
            if want.dtype.kind == "f":
                np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(want).max())))
            else:
                assert got.tobytes() == want.tobytes(), str(case.graph)
