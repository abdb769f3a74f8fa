"""What goes in comes out: a model that was loaded and not changed is written as the same proto."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import pytest
from onnx import helper as h
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

sys.path.insert(0, str(Path(__file__).parent))
from onnx_models import BUILDERS, SHARED_MODELS, WHY_SKIPPED, array, info, model, perceptron

from lissom.backends.onnx import save, to_graphsurgeon, to_proto
from lissom.ir.importers.onnx import from_graphsurgeon, load
from lissom.ir.interpreter import evaluate
from lissom.ir.verify import verify


def differences(a: Any, b: Any, path: str = "model") -> Iterator[str]:
    """Where two protos of one kind differ, field by field, presence included."""
    for field in a.DESCRIPTOR.fields:
        here = f"{path}.{field.name}"
        x, y = getattr(a, field.name), getattr(b, field.name)
        if field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED:
            if len(x) != len(y):
                yield f"{here}: {len(x)} entries, {len(y)} entries"
            for i, (p, q) in enumerate(zip(x, y, strict=False)):
                if hasattr(p, "DESCRIPTOR"):
                    yield from differences(p, q, f"{here}[{i}]")
                elif p != q and not (p != p and q != q):
                    yield f"{here}[{i}]: {p!r:.80} != {q!r:.80}"
        elif hasattr(x, "DESCRIPTOR"):
            if a.HasField(field.name) != b.HasField(field.name):
                yield f"{here}: in one only"
            elif a.HasField(field.name):
                yield from differences(x, y, here)
        elif x != y and not (x != x and y != y):
            yield f"{here}: {x!r:.80} != {y!r:.80}"
        elif field.has_presence and a.HasField(field.name) != b.HasField(field.name):
            yield f"{here}: in one only"


def check_lossless(proto: onnx.ModelProto) -> None:
    before = proto.SerializeToString(deterministic=True)
    graph = load(proto)
    assert proto.SerializeToString(deterministic=True) == before, "loading changed the proto it was given"
    verify(graph)
    for version in (graph, graph.clone()):
        written = to_proto(version)
        assert not list(differences(proto, written))
        assert written.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("name", BUILDERS)
def test_constructed(name: str) -> None:
    check_lossless(BUILDERS[name]())


@pytest.mark.skipif(not SHARED_MODELS, reason=WHY_SKIPPED)
@pytest.mark.parametrize("path", SHARED_MODELS, ids=lambda p: p.stem)
def test_real(path: Path) -> None:
    check_lossless(onnx.load(path))


def test_node_cases() -> None:
    cases = collect_testcases(None)
    assert len(cases) > 1000
    changed = {}
    for case in cases:
        found = list(differences(case.model, to_proto(load(case.model))))
        if found:
            changed[case.name] = found[:3]
    assert not changed


def test_differences_are_seen() -> None:
    """The comparison itself: every kind of change is found."""
    for change in (
        lambda m: m.graph.node[0].attribute[0].__setattr__("doc_string", "x"),
        lambda m: m.graph.node[1].__setattr__("name", "x"),
        lambda m: m.graph.node[1].__setattr__("domain", ""),
        lambda m: m.graph.initializer[1].__setattr__("raw_data", b"\0" * 32),
        lambda m: m.graph.input[0].type.tensor_type.shape.dim[0].__setattr__("dim_param", "M"),
        lambda m: m.graph.value_info.add(),
        lambda m: m.opset_import[0].__setattr__("version", 16),
    ):
        one, other = perceptron(), perceptron()
        assert not list(differences(one, other))
        change(other)
        assert list(differences(one, other))


def test_saved_bytes_load_again(tmp_path: Path) -> None:
    m = perceptron()
    save(load(m), tmp_path / "a.onnx")
    assert onnx.load(tmp_path / "a.onnx") == m
    assert to_proto(load((tmp_path / "a.onnx").read_bytes())) == m
    assert to_proto(load(str(tmp_path / "a.onnx"))) == m
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.onnx"]


def test_external_data_stays_outside(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    original = model(
        [h.make_node("MatMul", ["x", "w"], ["h"]), h.make_node("Add", ["h", "b"], ["y"])],
        [info("x", "N", 64)],
        [info("y", "N", 32)],
        [array("w", 64, 32), array("b", 32), numpy_helper.from_array(np.arange(99, dtype=np.float16), "spare")],
    )
    moved = onnx.ModelProto()
    moved.CopyFrom(original)  # saving moves the data out of the proto it is given
    onnx.save(moved, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    outside = onnx.load(path, load_external_data=False)
    graph = load(path)
    check = {c.name: c for c in graph.consts}
    assert isinstance(check["w"].data.base, np.memmap) or isinstance(check["w"].data.base.base, np.memmap)
    assert np.array_equal(check["w"].data, numpy_helper.to_array(original.graph.initializer[0]))
    assert not list(differences(outside, to_proto(graph)))
    inline = to_proto(graph, inline=True)
    assert [t.raw_data for t in inline.graph.initializer] == [t.raw_data for t in original.graph.initializer]
    save(graph, tmp_path / "again.onnx")
    again = onnx.load(tmp_path / "again.onnx", load_external_data=False)
    assert all(t.data_location == onnx.TensorProto.EXTERNAL for t in again.graph.initializer)
    assert [t.raw_data for t in onnx.load(tmp_path / "again.onnx").graph.initializer] == [
        t.raw_data for t in original.graph.initializer
    ]
    save(graph, path, external_data=False)  # over the file it came from
    assert [t.raw_data for t in onnx.load(path).graph.initializer] == [t.raw_data for t in original.graph.initializer]


def test_external_data_within_attributes(tmp_path: Path) -> None:
    def place(tensor: onnx.TensorProto) -> None:
        with (tmp_path / "more.bin").open("ab") as file:
            tensor.external_data.add(key="location", value="more.bin")
            tensor.external_data.add(key="offset", value=str(file.tell()))
            file.write(tensor.raw_data)
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL

    branch = h.make_graph([h.make_node("Add", ["x", "in"], ["b"])], "g", [], [info("b", 4)], [array("in", 4)])
    nodes = [
        h.make_node("Constant", [], ["c"], value=array("c", 4)),
        h.make_node("Add", ["x", "c"], ["d"]),
        h.make_node("If", ["yes"], ["e"], then_branch=branch, else_branch=branch),
        h.make_node("Add", ["d", "e"], ["y"]),
    ]
    yes = numpy_helper.from_array(np.array(True), "yes")
    original = model(nodes, [info("x", 4)], [info("y", 4)], [yes])
    moved = onnx.ModelProto()
    moved.CopyFrom(original)
    place(moved.graph.node[0].attribute[0].t)
    for attribute in moved.graph.node[2].attribute:
        place(attribute.g.initializer[0])
    (tmp_path / "m.onnx").write_bytes(moved.SerializeToString())
    graph = load(tmp_path / "m.onnx")
    assert not list(differences(moved, to_proto(graph)))
    (tmp_path / "elsewhere").mkdir()
    save(graph, tmp_path / "elsewhere" / "m.onnx")
    assert not list(differences(original, onnx.load(tmp_path / "elsewhere" / "m.onnx")))


def test_graphsurgeon_both_ways() -> None:
    m = perceptron()
    graph = load(m)
    surgeon = to_graphsurgeon(graph)
    assert [n.op for n in surgeon.nodes] == ["Gemm", "Relu", "MatMul"]
    assert isinstance(surgeon.tensors()["w"], gs.Constant)
    surgeon.nodes[1].op = "Sigmoid"
    edited = from_graphsurgeon(surgeon)
    assert [op.op_type for op in edited.ops] == ["Gemm", "Sigmoid", "MatMul"]
    assert [c.name for c in edited.consts] == ["w", "b", "v"]
    assert [op.op_type for op in load(to_proto(edited)).ops] == ["Gemm", "Sigmoid", "MatMul"]


def test_long_chain_in_linear_time() -> None:
    def chain(length: int) -> onnx.ModelProto:
        nodes = [h.make_node("Relu", [f"v{i}"], [f"v{i + 1}"], name=f"n{i}") for i in range(length)]
        return model(nodes, [info("v0", "N", 8)], [info(f"v{length}", "N", 8)])

    def seconds(length: int) -> float:
        m = chain(length)
        start = time.process_time()
        assert to_proto(load(m)) == m
        return time.process_time() - start

    seconds(100)
    short, long = seconds(2_000), seconds(20_000)
    assert long < 60 * short + 1, f"{short:.2f} s for 2,000 nodes, {long:.2f} s for 20,000"
    assert long < 30


def test_sizes_called_by_a_question_mark_are_each_their_own() -> None:
    m = model(
        [h.make_node("Relu", ["x"], ["y"], name="n")], [info("x", "?", 3, "?", "?")], [info("y", "?", 3, "?", "?")]
    )
    graph = load(m)
    assert len(set(graph.inputs[0].type.dims)) == 4
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)
    np.testing.assert_array_equal(evaluate(graph, x)[0], np.maximum(x, 0))
    assert to_proto(graph) == m
