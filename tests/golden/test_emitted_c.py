"""The C of one tiny network and one refusal, as a reader sees them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lissom.backends.c import emit
from lissom.ir.dims import symbol
from lissom.ir.errors import Unsupported
from lissom.ir.graph import Graph
from lissom.ir.ops.add import Add
from lissom.ir.ops.conv import Conv
from lissom.ir.ops.det import Det
from lissom.ir.ops.flatten import Flatten
from lissom.ir.ops.relu import Relu
from lissom.ir.types import tensor
from lissom.ir.values import Const, Loc


def tiny() -> Graph:
    graph = Graph("tiny")
    x = graph.input("image", tensor("float32", symbol("N"), 1, 3, 3))
    w = np.arange(8, dtype=np.float32).reshape(2, 1, 2, 2) / 4
    y = Relu(Conv(x, Const(w, "w"), Const(np.array([1, -1], np.float32), "b")).named("conv")).named("relu")
    graph.set_outputs({"scores": Flatten(Add(y, Const(np.array(0.5, np.float32), "half")).named("add")).named("flat")})
    return graph


@pytest.mark.parametrize("file", ["tiny.h", "tiny.c", "tiny_weights.c", "CMakeLists.txt"])
def test_emitted_file(file: str, golden: Callable[[str, str], None], tmp_path: Path) -> None:
    emit(tiny(), tmp_path / "out", name="tiny")
    text = (tmp_path / "out" / file).read_text(encoding="utf-8")
    golden(file, re.sub(r"(STACK_BYTES_MAX) \d+", r"\1 0", text))  # the compiler decides that one


def test_refusal(golden: Callable[[str, str], None], tmp_path: Path) -> None:
    graph = tiny()
    graph.set_outputs({"d": Det(graph.input("m", tensor("float32", 2, 2))).named("volume", Loc("onnx", "node 'det'"))})
    with pytest.raises(Unsupported) as e:
        emit(graph, tmp_path / "out")
    golden("refusal.txt", f"{e.value}\n")
