"""Weights of half the range: int8 in every respect, but kernels below VNNI can multiply them as bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import lissom as ls
from lissom.backends.c.emit import plan_program
from lissom.ir.ops.qlinear_gemm import QLinearGemm
from lissom.ir.values import Const

EXAMPLE = Path(__file__).parents[3] / "examples" / "lenet300.onnx"


def test_reduced_range_keeps_weights_within_64_and_takes_faster_kernels() -> None:
    graph = ls.load(EXAMPLE)
    data = [np.random.default_rng(0).uniform(0, 1, (8, 1, 28, 28)).astype(np.float32)]
    for reduced, most in ((False, 127), (True, 64)):
        option = ", reduced_range=true" if reduced else ""
        small = ls.run(f"fold, quantize(int8{option})", graph, data=data)
        weights = [op.w.data for op in small.ops if isinstance(op, QLinearGemm) and isinstance(op.w, Const)]
        assert len(weights) == 3
        assert {int(np.abs(w.astype(np.int32)).max()) for w in weights} == {most}
        _, _, program = plan_program(small, "x86-64-v3")
        assert any("conv_q8_small" in k.name for k in program.kernels) == reduced
