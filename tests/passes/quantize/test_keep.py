"""``quantize(int8, keep=if_faster)``: what integers would slow down stays in float, and the report has both times."""

from __future__ import annotations

import numpy as np
import pytest

import lissom as ls
from lissom.clock import c_clock
from lissom.ir.graph import Graph
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.qlinear_conv import QLinearConv
from lissom.ir.ops.qlinear_gemm import QLinearGemm
from lissom.ir.samples import weight
from lissom.ir.types import tensor

DATA = [np.random.default_rng(i).normal(size=(1, 3, 6, 6)).astype(np.float32) for i in range(4)]


def network() -> Graph:
    graph = Graph("net")
    x = graph.input("x", tensor("float32", 1, 3, 6, 6))
    a = Conv(x, weight("w0", 8, 3, 3, 3), weight("b0", 8)).named("conv")
    graph.set_outputs({"y": Gemm(Flatten(a), weight("w1", 5, 128), weight("b1", 5), transB=True).named("fc")})
    return graph


def slow_products(graph: Graph) -> float:
    """A machine on which bytes are faster in convolutions and slower in fully connected layers."""
    return {Conv: 2.0, QLinearConv: 1.0, Gemm: 1.0, QLinearGemm: 1.5}[type(graph.ops[-1])]  # type: ignore[index]


def test_a_layer_that_integers_slow_down_stays_in_float() -> None:
    text = "fold, quantize(int8, keep=if_faster)"
    graph, report = ls.run(text, network(), data=DATA, report=True, clock=slow_products)
    kinds = {type(op) for op in graph.ops}
    assert QLinearConv in kinds
    assert Gemm in kinds
    assert not kinds & {Conv, QLinearGemm}
    row = next(row for row in report.to_dict() if row.get("layers"))
    assert [(r["layer"], r["becomes"], r["ms"]) for r in row["layers"]] == [
        ("conv", "int8", "2 -> 1"),
        ("fc", "float, as it was", "1 -> 1.5"),
    ]
    assert [(k["layer"], k["reason"]) for k in row["kept_float"]] == [("fc", "it would be slower, in ms: 1 -> 1.5")]


def test_by_default_every_layer_becomes_integer() -> None:
    graph = ls.run("fold, quantize(int8)", network(), data=DATA, clock=slow_products)
    assert QLinearGemm in {type(op) for op in graph.ops}


def test_a_target_that_cannot_run_here_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lissom.backends.c.host.features", frozenset)
    small, large = network(), network()
    first = large.ops[0]
    large.replace(first, Conv(Conv(first.operands[0], weight("w", 64, 3, 1, 1)), weight("v", 8, 64, 3, 3)))
    clock = c_clock("avx512vnni")
    assert 0 < clock(small) < clock(large)
