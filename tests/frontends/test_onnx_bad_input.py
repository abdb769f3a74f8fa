"""Files that are broken or contradict themselves: one clear message, no traceback of other libraries."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto as T
from onnx import helper as h

sys.path.insert(0, str(Path(__file__).parent))
from onnx_models import BUILDERS, array, info, model, perceptron

from lissom.backends.onnx import save, to_proto
from lissom.ir.errors import Error, Unsupported
from lissom.ir.importers.onnx import load
from lissom.ir.verify import verify


def broken(change: Callable[[onnx.ModelProto], object]) -> onnx.ModelProto:
    m = perceptron()
    change(m)
    return m


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"", "the file is empty"),
        (b"hello, this is text, not a model\n" * 40, "is not an ONNX model"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, "is not an ONNX model"),
        (perceptron().SerializeToString()[:-40], "is not an ONNX model, or is cut short"),
        (onnx.ModelProto(ir_version=8).SerializeToString(), "holds no graph"),
    ],
    ids=["missing", "empty", "text", "image", "truncated", "no graph"],
)
def test_not_a_model(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "m.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Error, match=message) as raised:
        load(path)
    assert str(path) in str(raised.value)


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(Error, match=re.escape(str(tmp_path))):
        load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda m: m.graph.node[1].input.__setitem__(0, "ghost"),
            "node 'act' (Relu) reads 'ghost', which nothing defines",
        ),
        (lambda m: m.graph.node[1].output.__setitem__(0, "h"), "two things are called 'h'"),
        (lambda m: m.graph.node[1].output.__setitem__(0, "w"), "two things are called 'w'"),
        (lambda m: m.graph.initializer.append(array("w", 2)), "two initializers have the same name"),
        (lambda m: m.graph.input.append(info("x", 1)), "two inputs have the same name"),
        (lambda m: m.graph.output.append(info("y", 1)), "two outputs have the same name"),
        (lambda m: m.graph.output.append(info("ghost", 1)), "output 'ghost' is computed by no node"),
        (lambda m: m.graph.node[0].input.__setitem__(0, "r"), "the graph has a cycle"),
        (lambda m: m.opset_import.add(domain="", version=9), "several versions of the standard operator set: [9, 17]"),
        (lambda m: m.opset_import.pop(), "the model does not say which operator set its nodes are of"),
        (lambda m: m.opset_import[0].__setattr__("version", 999), "opset 999 is newer than the installed onnx package"),
        (lambda m: m.graph.initializer[0].dims.__setitem__(0, 9), "initializer 'w': shape [9, 6] of float32 takes 216"),
        (lambda m: m.graph.initializer[0].dims.__setitem__(0, -1), "initializer 'w' has a negative size"),
        (lambda m: m.graph.initializer[0].__setattr__("data_type", 99), "initializer 'w': its element type, number 99"),
        (lambda m: m.graph.initializer[1].dims.__setitem__(slice(None), [4, 2]), "node 'fc' (Gemm)"),
        (lambda m: m.graph.node[0].attribute[0].CopyFrom(h.make_attribute("transB", "yes")), "node 'fc' (Gemm)"),
    ],
)
def test_contradictions(change: Callable[[onnx.ModelProto], object], message: str) -> None:
    with pytest.raises(Error, match=re.escape(message)):
        load(broken(change))


def test_unsorted_nodes_are_sorted() -> None:
    m = perceptron()
    nodes = list(m.graph.node)[::-1]
    del m.graph.node[:]
    m.graph.node.extend(nodes)
    graph = load(m)
    verify(graph)
    assert to_proto(graph) == perceptron()


def outside(folder: Path, location: str = "w.bin", **entries: object) -> Path:
    """A model whose weight lies in a file beside it."""
    folder.mkdir(exist_ok=True)
    m = perceptron()
    w = m.graph.initializer[0]
    (folder / "w.bin").write_bytes(w.raw_data)
    w.ClearField("raw_data")
    w.data_location = T.EXTERNAL
    w.external_data.add(key="location", value=location)
    for key, value in entries.items():
        w.external_data.add(key=key, value=str(value))
    (folder / "m.onnx").write_bytes(m.SerializeToString())
    return folder / "m.onnx"


@pytest.mark.parametrize(
    ("location", "entries", "message"),
    [
        ("gone.bin", {}, "there is no such file; put it beside the model"),
        ("w.bin", {"offset": 4}, "takes bytes 4 to 196 of"),
        ("w.bin", {"offset": -4}, "takes bytes -4 to 188 of"),
        ("w.bin", {"length": 100}, "takes 192 bytes, its external data has 100"),
        ("w.bin", {"offset": "x"}, "is not a number"),
        ("../w.bin", {}, "outside the model's folder"),
        ("/etc/passwd", {}, "outside the model's folder"),
        ("a/../../w.bin", {}, "outside the model's folder"),
        ("", {}, "outside the model's folder"),
    ],
)
def test_external_data(tmp_path: Path, location: str, entries: dict[str, object], message: str) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(192))
    path = outside(tmp_path / "folder", location, **entries)
    with pytest.raises(Error, match=re.escape(message)) as raised:
        load(path)
    assert "initializer 'w'" in str(raised.value)
    assert str(path) in str(raised.value)


def test_external_link_out_of_the_folder(tmp_path: Path) -> None:
    path = outside(tmp_path / "folder")
    load(path)
    (path.parent / "w.bin").rename(tmp_path / "w.bin")
    (path.parent / "w.bin").symlink_to(tmp_path / "w.bin")
    with pytest.raises(Error, match="outside the model's folder"):
        load(path)


def test_external_data_cannot_be_found_from_bytes(tmp_path: Path) -> None:
    with pytest.raises(Error, match=re.escape("load the model by its path, not its bytes")):
        load(outside(tmp_path).read_bytes())


def test_failed_save_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = load(perceptron())
    with pytest.raises(Error, match="cannot be written"):
        save(graph, tmp_path / "no such folder" / "m.onnx")
    path = tmp_path / "m.onnx"
    path.write_bytes(b"before")
    monkeypatch.setattr("lissom.backends.onnx.files.PROTO_LIMIT", 100)
    with pytest.raises(Error, match="more than the 2 GB"):
        save(graph, path, external_data=False)
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]
    assert path.read_bytes() == b"before"


def test_huge_claims_do_not_allocate() -> None:
    m = perceptron()
    m.graph.initializer[0].dims[:] = [2**40, 2**20]
    with pytest.raises(Error, match="initializer 'w'"):
        load(m)
    m.graph.initializer[0].ClearField("raw_data")
    with pytest.raises(Error, match="initializer 'w'"):
        load(m)
    sparse = BUILDERS["sparse_weights"]()
    sparse.graph.sparse_initializer[0].dims[:] = [2**40, 2**20]
    with pytest.raises(Error, match="sparse initializer 'v'"):
        load(sparse)


SEEDS = [
    BUILDERS[n]().SerializeToString() for n in ("perceptron", "branches_with_captures", "old_forms", "sparse_weights")
]
SEEDS.append(
    model(
        [
            h.make_node("Conv", ["x", "w"], ["c"], name="conv", strides=[2, 2], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
            h.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2]),
            h.make_node("Reshape", ["p", "shape"], ["r"]),
            h.make_node("Softmax", ["r"], ["y"], axis=1),
        ],
        [info("x", 1, 2, 8, 8)],
        [info("y", 1, 12)],
        [array("w", 3, 2, 3, 3), onnx.numpy_helper.from_array(np.array([1, -1], np.int64), "shape")],
    ).SerializeToString()
)


def try_to_load(data: bytes) -> None:
    try:
        graph = load(data)
    except Error as e:
        if not 0 < len(str(e)) < 2000:
            raise AssertionError("a message nobody can read") from e
        return
    verify(graph)
    try:
        to_proto(graph)
    except Unsupported:
        return


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=6),
)
@example(SEEDS[0], [(0, 255)])
def test_changed_bytes(seed: bytes, changes: list[tuple[int, int]]) -> None:
    """Whatever bytes change, the answer is a graph or an Error."""
    data = bytearray(seed)
    for place, value in changes:
        data[place % len(data)] = value
    try_to_load(bytes(data))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(SEEDS), st.integers(0, 4000), st.integers(0, 40), st.binary(max_size=40))
def test_cut_and_spliced_bytes(seed: bytes, place: int, cut: int, piece: bytes) -> None:
    place %= len(seed)
    try_to_load(seed[:place] + piece + seed[place + cut :])


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    try_to_load(data)
