"""Sizes of --shape are put into every input of a model."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from lissom.cli.model import read_model


def test_an_input_of_any_rank_beside_one_with_symbols(tmp_path: Path) -> None:
    floats = TensorProto.FLOAT
    inputs = [helper.make_tensor_value_info("a", floats, ["N", 3]), helper.make_tensor_value_info("b", floats, None)]
    y = helper.make_tensor_value_info("y", floats, None)
    graph = helper.make_graph([helper.make_node("Add", ["a", "b"], ["y"])], "sum", inputs, [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "sum.onnx")
    read = read_model(str(tmp_path / "sum.onnx"), {"a": (2, 3), "b": (1, 3)})
    assert [i.type.static for i in read.inputs] == [(2, 3), (1, 3)]
