"""Buffers that share memory still hold what the graph says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lissom.backends.c import Artifact, emit
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.add import Add
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.exp import Exp
from lissom.ir.ops.neg import Neg
from lissom.ir.ops.pad import Pad
from lissom.ir.ops.reshape import Reshape
from lissom.ir.ops.transpose import Transpose
from lissom.ir.samples import literal, weight
from lissom.ir.types import tensor


def padded_channels() -> Graph:
    """The copy into a Pad is one run of memory, but the Pad fills that memory first."""
    graph = Graph("padded")
    x = graph.input("x", tensor("float32", 1, 4, 3, 3))
    graph.set_outputs({"y": Pad(Neg(x), literal("pads", [0, 2, 0, 0, 0, 2, 0, 0]))})
    return graph


def twice_in_a_concat() -> Graph:
    """One operand can be computed in place; the other has to be copied."""
    graph = Graph("twice")
    x = graph.input("x", tensor("float32", 1, 4, 3, 3))
    a = Neg(x)
    both = Concat((a, a), axis=1)
    graph.set_outputs({"y": Exp(both), "a": a, "both": Concat((both, a), axis=1)})
    return graph


def outputs_that_are_views() -> Graph:
    """An input, a view of it, and one value under two names."""
    graph = Graph("views")
    x = graph.input("x", tensor("float32", 1, 4, 3, 3))
    flat, y = Reshape(x, literal("s", [4, 9])), Neg(x)
    graph.set_outputs({"x again": x, "flat": flat, "y": y, "y again": y, "view": Reshape(y, literal("t", [36]))})
    return graph


def three_branches() -> Graph:
    """Sums of sums, as in RepVGG: each convolution adds one of the branches."""
    graph = Graph("branches")
    x = graph.input("x", tensor("float32", 1, 4, 3, 3))
    wide, point = Conv(x, weight("w", 4, 4, 3, 3), pads=(1, 1, 1, 1)), Conv(x, weight("v", 4, 4, 1, 1))
    graph.set_outputs({"y": Exp(Add(Add(wide, point), Neg(x))), "z": Add(Neg(x), Add(Conv(x, point.w), x))})
    return graph


def outputs_in_another_order() -> Graph:
    """Outputs whose axes lie in another order than the graph's, one of which is an operand in the graph's order too."""
    graph = Graph("order")
    x = graph.input("x", tensor("float32", 1, 4, 3, 3))
    turned = Transpose(Neg(x), (0, 2, 3, 1))
    y = Exp(turned)
    graph.set_outputs({"turned": turned, "y": y, "next": Neg(Reshape(turned, literal("s", [36]))), "last": Neg(y)})
    return graph


def sums_of_another_order() -> Graph:
    """A sum that lies as its constant does: the operand whose memory it could have is read in another order."""
    graph = Graph("sums")
    x = graph.input("x", tensor("float32", 1, 4, 3, 3))
    graph.set_outputs({"y": Neg(Add(weight("w", 1, 3, 4, 3), Transpose(Neg(x), (0, 2, 1, 3))))})
    return graph


@pytest.mark.parametrize(
    "make",
    [
        padded_channels,
        twice_in_a_concat,
        outputs_that_are_views,
        three_branches,
        outputs_in_another_order,
        sums_of_another_order,
    ],
)
def test_shared_memory(make: object, tmp_path: Path) -> None:
    graph = make()  # type: ignore[operator]
    emit(graph, tmp_path / "out")
    x = np.random.default_rng(0).normal(size=(1, 4, 3, 3)).astype(np.float32)
    for got, want in zip(Artifact(tmp_path / "out").run(x), evaluate(graph, x), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
