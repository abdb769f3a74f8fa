"""Small models and data, good and bad, for the commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import TensorProto, helper, numpy_helper

Invoke = Callable[..., Result]


@pytest.fixture
def lissom() -> Invoke:
    """Runs ``lissom ARGUMENTS``; what is not an error on purpose propagates, with its traceback."""
    from lissom.cli.app import cli

    def invoke(*arguments: object) -> Result:
        result = CliRunner().invoke(cli, [str(a) for a in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def network(**changes: np.ndarray) -> onnx.ModelProto:
    """x [N,1,8,8] -> conv -> batch norm -> relu -> mean -> gemm -> y [N,3]; ``changes`` replace weights by name."""
    rng = np.random.default_rng(1)
    weights = {
        "w": rng.normal(size=(4, 1, 3, 3)),
        "scale": rng.uniform(0.5, 2, 4),
        "shift": rng.normal(size=4),
        "mean": rng.normal(size=4),
        "var": rng.uniform(0.5, 2, 4),
        "fc": rng.normal(size=(4, 3)),
        **changes,
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", "scale", "shift", "mean", "var"], ["b"], name="bn"),
        helper.make_node("Relu", ["b"], ["r"], name="relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flat"),
        helper.make_node("Gemm", ["f", "fc"], ["y"], name="gemm"),
    ]
    return model_of(
        nodes,
        [("x", TensorProto.FLOAT, ["N", 1, 8, 8])],
        [("y", TensorProto.FLOAT, ["N", 3])],
        {k: np.asarray(v, np.float32) for k, v in weights.items()},
    )


def model_of(
    nodes: list[onnx.NodeProto],
    inputs: list[tuple[str, int, list[int | str]]],
    outputs: list[tuple[str, int, list[int | str]]],
    weights: dict[str, np.ndarray],
    imports: dict[str, int] | None = None,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(*i) for i in inputs],
        [helper.make_tensor_value_info(*o) for o in outputs],
        [numpy_helper.from_array(a, n) for n, a in weights.items()],
    )
    opsets = [helper.make_opsetid(d, v) for d, v in {"": 17, **(imports or {})}.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small convolutional network with a symbolic batch."""
    path = tmp_path / "net.onnx"
    onnx.save(network(), path)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twelve labelled samples for it."""
    rng = np.random.default_rng(2)
    path = tmp_path / "data.npz"
    np.savez(path, x=rng.normal(size=(12, 1, 8, 8)).astype(np.float32), y=rng.integers(0, 3, 12))
    return path
