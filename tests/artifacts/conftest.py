"""Small networks for the tests of whole artifacts."""

from __future__ import annotations

from pathlib import Path

import pytest

from lissom.ir.dims import symbol
from lissom.ir.graph import Graph
from lissom.ir.ops.add import Add
from lissom.ir.ops.concat import Concat
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.gemm import Gemm
from lissom.ir.ops.global_average_pool import GlobalAveragePool
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.softmax import Softmax
from lissom.ir.samples import weight
from lissom.ir.types import tensor

EXAMPLES = Path(__file__).parents[2] / "examples"


def small_net(input_name: str = "x", op_name: str = "conv", output_name: str = "y") -> Graph:
    """Convolutions with a residual connection and a concatenation, a pool, a classifier; the batch is symbolic."""
    graph = Graph("small")
    x = graph.input(input_name, tensor("float32", symbol("N"), 3, 10, 9))
    a = Relu(Conv(x, weight("w0", 8, 3, 3, 3), weight("b0", 8), pads=(1, 1, 1, 1)).named(op_name)).named(op_name)
    b = Conv(a, weight("w1", 8, 8, 3, 3), pads=(1, 1, 1, 1)).named("second")
    both = Concat((Relu(Add(a, b)), a), axis=1).named("both")
    features = Flatten(GlobalAveragePool(both)).named("features")
    y = Softmax(Gemm(features, weight("w2", 5, 16), weight("b2", 5), transB=True)).named("prob")
    graph.set_outputs({output_name: y, "features": features})
    return graph


@pytest.fixture
def net() -> Graph:
    return small_net()


@pytest.fixture
def hostile_net() -> Graph:
    """Names that would be code, paths or ends of comments if they were written as they are."""
    return small_net('x"; int main(){}//*/\n#define int', '*/ system("rm -rf"); /* ../../etc\\', "return\u202e%s%n???/")
