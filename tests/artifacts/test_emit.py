"""What ``emit`` writes: complete, the same every time, clean under the warnings named, safe for any name."""

from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lissom.backends.c import Artifact, emit
from lissom.backends.c.emit import MARK, _move_into_place
from lissom.backends.c.toolchain import STANDARD, sources
from lissom.ir.errors import DataError, Error, Unsupported
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate
from lissom.ir.types import Array

COMPILERS = [cc for cc in ("gcc", "clang") if shutil.which(cc)]


def inputs(n: int) -> Array:
    return np.random.default_rng(n).normal(size=(n, 3, 10, 9)).astype(np.float32)


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def run(command: list[Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(c) for c in command], capture_output=True, text=True)


def test_artifact_computes_what_the_graph_does(net: Graph, tmp_path: Path) -> None:
    emit(net, tmp_path / "out")
    artifact = Artifact(tmp_path / "out")
    for batch in (1, 3):
        for got, want in zip(artifact.run(inputs(batch)), evaluate(net, inputs(batch)), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    assert artifact.time(inputs(1), at_least=0.001) > 0


def test_batch_can_be_compiled_in(net: Graph, tmp_path: Path) -> None:
    emit(net, tmp_path / "out", sizes={"N": 2})
    got = Artifact(tmp_path / "out").run(inputs(4))
    np.testing.assert_allclose(got[0], evaluate(net, inputs(4))[0], rtol=1e-5, atol=1e-6)
    with pytest.raises(DataError, match=r"any multiple of 2 along the first axis.*got \[3, 3, 10, 9\]"):
        Artifact(tmp_path / "out").run(inputs(3))


def test_same_graph_gives_same_bytes(net: Graph, tmp_path: Path) -> None:
    emit(net, tmp_path / "a")
    emit(net, tmp_path / "somewhere" / "b")
    assert files(tmp_path / "a") == files(tmp_path / "somewhere" / "b")


def test_nothing_written_names_the_machine(net: Graph, tmp_path: Path) -> None:
    emit(net, tmp_path / "out")
    assert not [name for name, data in files(tmp_path / "out").items() if str(tmp_path).encode() in data]


@pytest.mark.parametrize("cc", COMPILERS)
@pytest.mark.parametrize("hostile", [False, True])
def test_self_test_passes_without_warnings(cc: str, hostile: bool, request: Any, tmp_path: Path) -> None:
    net = request.getfixturevalue("hostile_net" if hostile else "net")
    out = tmp_path / "out"
    emit(net, out)
    units = [*sources(out, "model"), out / "model_test.c"]
    for flags in (["-O2"], ["-O1", "-DMODEL_TRACE", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]):
        built = run([cc, *STANDARD, "-Werror", *flags, "-I", out, *units, "-o", tmp_path / "t", "-lm"])
        assert built.returncode == 0, built.stderr[:3000]
        done = run([tmp_path / "t"])
        assert (done.stdout, done.stderr, done.returncode) == ("model: ok\n", "", 0)


def test_self_test_names_the_first_layer_that_differs(net: Graph, tmp_path: Path) -> None:
    out = tmp_path / "out"
    emit(net, out)
    weights = out / "model_weights.c"
    text = weights.read_text()
    second = text.index("w1: float32 8x8x3x3")
    row = text.index('"', second) + 1
    weights.write_text(text[:row] + 2 * r"\000\000\310\102" + text[row + 32 :])  # 100.0
    built = run(
        ["cc", "-DMODEL_TRACE", "-I", out, *sources(out, "model"), out / "model_test.c", "-o", tmp_path / "t", "-lm"]
    )
    assert built.returncode == 0, built.stderr
    done = run([tmp_path / "t"])
    assert done.returncode == 1
    assert "layer 4, Relu, is the first that differs" in done.stdout  # whose work the convolution does


def test_hostile_names_stay_out_of_the_code(hostile_net: Graph, tmp_path: Path) -> None:
    emit(hostile_net, tmp_path / "out")
    x = inputs(1)
    np.testing.assert_allclose(Artifact(tmp_path / "out").run(x)[0], evaluate(hostile_net, x)[0], rtol=1e-5, atol=1e-6)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "system(&quot;rm -rf&quot;)" in page
    assert 'system("rm' not in page


@pytest.mark.parametrize("name", ["", "a b", "../x", "9", "int", "x;y", "x" * 60, "é", "lissom_x"])
def test_names_that_cannot_be_prefixes_are_refused(name: str, net: Graph, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot name the C artifact"):
        emit(net, tmp_path / "out", name=name)
    assert not list(tmp_path.iterdir())


def test_header_works_in_cxx(net: Graph, tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    emit(net, tmp_path / "out", name="net")
    (tmp_path / "user.cpp").write_text(
        '#include "net.h"\nint main() { return net_run(nullptr, nullptr, nullptr) == NET_NULL_POINTER ? 0 : 1; }\n'
    )
    library = Artifact(tmp_path / "out").build()
    built = run(
        ["g++", "-Wall", "-Werror", "-I", tmp_path / "out", tmp_path / "user.cpp", library, "-o", tmp_path / "u"]
    )
    assert built.returncode == 0, built.stderr
    assert run([tmp_path / "u"]).returncode == 0


def test_report_has_what_the_contract_names(net: Graph, tmp_path: Path) -> None:
    returned = emit(net, tmp_path / "out", report={"passes": [{"name": "fold"}]})
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report == json.loads(json.dumps(returned))
    assert report["passes"] == [{"name": "fold"}]
    facts = report["artifact"]
    assert facts["arena_bytes"] >= facts["arena_lower_bound"] > 0
    assert facts["code_bytes"] > 0
    assert facts["stack_bytes"] > 0
    assert facts["weight_bytes"] >= 4 * (8 * 27 + 8 * 72 + 80)
    assert [layer["op"] for layer in report["layers"]].count("Conv") == 2
    assert sum(layer["macs"] for layer in report["layers"]) == net.cost().macs
    assert report["inputs"][0]["declared"] == ["N", 3, 10, 9]


def test_a_folder_that_is_no_artifact_is_left_alone(net: Graph, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("keep")
    with pytest.raises(Error, match="not empty and not an artifact"):
        emit(net, tmp_path / "mine")
    assert [f.name for f in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    assert [f.name for f in tmp_path.iterdir()] == ["mine"]


def test_an_artifact_is_replaced_whole(net: Graph, tmp_path: Path) -> None:
    emit(net, tmp_path / "out", name="first")
    emit(net, tmp_path / "out", name="second")
    assert (tmp_path / "out" / "second.h").exists()
    assert not (tmp_path / "out" / "first.h").exists()
    assert [f.name for f in tmp_path.iterdir()] == ["out"]


def test_of_several_who_write_one_folder_the_last_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def write(content: int) -> None:
        for i in range(100):
            work = tmp_path / f".{content}.{i}"
            work.mkdir()
            (work / MARK).write_text(str(content))
            _move_into_place(work, out)

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, range(4)))
    assert list(tmp_path.iterdir()) == [out]
    assert [f.name for f in out.iterdir()] == [MARK]


def test_failure_leaves_nothing_behind(net: Graph, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a file"):
        emit(net, tmp_path / "out", source=tmp_path / "missing.onnx")
    assert not list(tmp_path.iterdir())


def test_source_model_is_kept_with_its_checksum(net: Graph, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"model")
    report = emit(net, tmp_path / "out", source=tmp_path / "m.onnx")
    assert (tmp_path / "out" / report["source"]["file"]).read_bytes() == b"model"
    assert len(report["source"]["sha256"]) == 64


def test_all_unsupported_ops_are_named_at_once(tmp_path: Path) -> None:
    from lissom.ir.ops.det import Det
    from lissom.ir.ops.hardmax import Hardmax
    from lissom.ir.types import tensor
    from lissom.ir.values import Loc

    graph = Graph("odd")
    x = graph.input("x", tensor("float32", 3, 3))
    graph.set_outputs({"a": Hardmax(x).named("peak", Loc("onnx", "node 7")), "b": Det(x).named("volume")})
    with pytest.raises(Unsupported) as e:
        emit(graph, tmp_path / "out")
    assert "2 op(s)" in str(e.value)
    assert "Hardmax 'peak' (onnx node 7)" in str(e.value)
    assert "Det 'volume'" in str(e.value)


def test_open_sizes_are_asked_for(tmp_path: Path) -> None:
    from lissom.ir.dims import symbol
    from lissom.ir.ops.relu import Relu
    from lissom.ir.types import tensor

    graph = Graph("open")
    x = graph.input("x", tensor("float32", symbol("N"), 3, symbol("H")))
    graph.set_outputs({"y": Relu(x)})
    with pytest.raises(Unsupported, match=r"sizes H of the inputs .*sizes=\{'H': 32\}"):
        emit(graph, tmp_path / "out")
    emit(graph, tmp_path / "out", sizes={"H": 4})
    assert Artifact(tmp_path / "out").run(np.full((2, 3, 4), -1, np.float32))[0].shape == (2, 3, 4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ((), "takes 1 inputs"),
        ((np.zeros((1, 3, 10, 9)),), "is float32, got float64"),
        ((np.zeros((1, 3, 10, 8), np.float32),), "has shape"),
        ((np.zeros((0, 3, 10, 9), np.float32),), "empty"),
    ],
)
def test_wrong_inputs_are_refused(wrong: Any, message: str, net: Graph, tmp_path: Path) -> None:
    emit(net, tmp_path / "out")
    with pytest.raises(DataError, match=message):
        Artifact(tmp_path / "out").run(*wrong)


def test_missing_compiler_is_said_clearly(net: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    report = emit(net, tmp_path / "out")
    assert report["artifact"]["code_bytes"] is None
    with pytest.raises(Error, match="no C compiler found"):
        Artifact(tmp_path / "out").run(inputs(1))


def test_a_folder_without_report_is_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(Error, match="not an artifact"):
        Artifact(tmp_path)
