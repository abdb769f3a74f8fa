"""The example networks: what their README says of them, by both doors, and how right they are as int8 C."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import lissom as ls
from examples import fashion_mnist, networks

CALIB, TEST = (fashion_mnist.DATA / f"fashion_mnist_{which}.npz" for which in ("calib", "test"))


def model(name: str) -> Path:
    return networks.FOLDER / f"{name}.onnx"


def top1(logits: np.ndarray, y: np.ndarray) -> float:
    return float((logits.argmax(1) == y).mean())


@pytest.fixture(scope="module")
def test_set() -> tuple[np.ndarray, np.ndarray]:
    with np.load(TEST) as data:
        return data["x"], data["y"]


def test_samples_are_what_the_readme_says(test_set: tuple[np.ndarray, np.ndarray]) -> None:
    with np.load(CALIB) as calib:
        assert np.bincount(calib["y"]).tolist() == [100] * 10
        splits = [(calib["x"], calib["y"], 1000), (*test_set, 2000)]
    for x, y, count in splits:
        assert (x.dtype, x.shape) == (np.float32, (count, 1, 28, 28))
        assert (y.dtype, y.shape) == (np.int64, (count,))
        pixels = np.rint((x * fashion_mnist.STD + fashion_mnist.MEAN) * 255).astype(np.uint8)
        np.testing.assert_array_equal(fashion_mnist.normalise(pixels), x)


def test_samples_are_those_of_the_data_set(test_set: tuple[np.ndarray, np.ndarray]) -> None:
    if not fashion_mnist.DEBIAN_FOLDER.exists():
        pytest.skip("needs the Debian package dataset-fashion-mnist")
    x, y = fashion_mnist.read("test")
    np.testing.assert_array_equal(x[:2000], test_set[0])
    np.testing.assert_array_equal(y[:2000], test_set[1])
    x, y = fashion_mnist.read("train")
    chosen = fashion_mnist.balanced(y, 1000, fashion_mnist.CALIB_SEED)
    with np.load(CALIB) as calib:
        np.testing.assert_array_equal(x[chosen], calib["x"])
        np.testing.assert_array_equal(y[chosen], calib["y"])


def test_absent_data_name_the_package(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="dataset-fashion-mnist"):
        fashion_mnist.read("test", tmp_path)


def test_the_folder_is_small() -> None:
    assert sum(p.stat().st_size for p in networks.FOLDER.rglob("*") if p.is_file()) < 12e6


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_torch_and_onnx_are_one_network(name: str, test_set: tuple[np.ndarray, np.ndarray]) -> None:
    x = test_set[0][:64]
    with torch.no_grad():
        expected = networks.load(name)(torch.from_numpy(x)).numpy()
    session = onnxruntime.InferenceSession(model(name), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"x": x})[0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_nothing_is_folded_yet(name: str) -> None:
    """Batch N, and a BatchNormalization for each the module has: folding them is the compiler's work."""
    proto = onnx.load(model(name))
    assert [d.dim_param or d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim] == ["N", 1, 28, 28]
    norms = sum(isinstance(m, torch.nn.BatchNorm2d) for m in networks.load(name).modules())
    assert sum(n.op_type == "BatchNormalization" for n in proto.graph.node) == norms


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_both_doors_lead_to_the_same_graph(name: str, test_set: tuple[np.ndarray, np.ndarray]) -> None:
    """By ONNX and by torch: the same ops after fold, and the same numbers."""
    x = test_set[0][:16]
    by_onnx = ls.run("fold", ls.load(model(name)))
    by_torch = ls.run("fold", ls.from_torch(networks.load(name), (torch.zeros(2, 1, 28, 28),)))
    assert sorted(o.op_type for o in by_onnx.ops) == sorted(o.op_type for o in by_torch.ops)
    assert by_torch.bind({"N": 2}).cost().macs == by_onnx.bind({"N": 2}).cost().macs
    if by_torch.inputs[0].type.static is not None:
        x = x[:2]
    (a,), (b,) = ls.evaluate(by_onnx, x), ls.evaluate(by_torch, x)
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on the path")
@pytest.mark.parametrize("name", networks.NETWORKS)
def test_int8_c_is_as_right_as_the_float_network(
    name: str, tmp_path: Path, test_set: tuple[np.ndarray, np.ndarray]
) -> None:
    """Within half a point on all 2,000 images, with about a quarter of the weights."""
    x, y = test_set
    graph = ls.run("fold, quantize(int8)", ls.load(model(name)), data=CALIB)
    facts = ls.emit(graph, tmp_path / "out")["artifact"]
    (from_c,) = ls.Artifact(tmp_path / "out").run(x)
    session = onnxruntime.InferenceSession(model(name), providers=["CPUExecutionProvider"])
    assert top1(from_c, y) >= top1(session.run(None, {"x": x})[0], y) - 0.005
    assert facts["weight_bytes"] < 0.35 * sum(c.data.nbytes for c in ls.load(model(name)).consts)
