"""Runs: the table, the checks, what a wrong pass is told, and the folder it leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

import lissom
from lissom.ir.errors import CheckFailed, DataError, Error, VerifyError
from lissom.ir.graph import Graph, Stage
from lissom.ir.interpreter import evaluate
from lissom.ir.ops.add import Add
from lissom.ir.ops.mul import Mul
from lissom.ir.ops.relu import Relu
from lissom.ir.ops.sigmoid import Sigmoid
from lissom.ir.ops.tanh import Tanh
from lissom.ir.printer import print_graph
from lissom.ir.types import Array
from lissom.ir.values import Const, Value
from lissom.passes import graph_pass as declared
from lissom.passes.compare import Verdict
from lissom.passes.data import Data
from lissom.passes.graph_pass import Kind, Step, graph_pass, macro_pass
from lissom.passes.repro import read_repro
from lissom.passes.rule import rewrite, rule
from lissom.passes.runner import ir_diff, run

TEXT = """
    input %x: float32[N,3,8,8]
    const %w: float32[4,3,3,3]
    const %s: float32[4]
    const %k: float32[20]
    %c = Conv(%x, %w): float32[N,4,6,6]
    %n = BatchNormalization(%c, %s, %s, %s, %s): float32[N,4,6,6]
    %r = Relu(%n): float32[N,4,6,6]
    %t = Tanh(%r): float32[N,4,6,6]
    %u = Add(%t, %r): float32[N,4,6,6]
    output 'y' = %u
"""


@rule
def tanh_is_sigmoid(op: Tanh) -> Value | None:
    """Wrong."""
    return Sigmoid(op.x)


def shifted(expected: Array, got: Array, value: Value) -> Verdict:
    error = float(np.abs(expected - got).max())
    return Verdict(error < 2, error, f"{error:.2f} off, 2 allowed")


@pytest.fixture(autouse=True)
def passes() -> Iterator[None]:
    before = dict(declared.PASSES)

    @graph_pass(Kind.exact)
    def wrong(graph: Graph) -> None:
        """Break its promise."""
        rewrite(graph, [tanh_is_sigmoid])

    @graph_pass(Kind.realize, comparison=shifted)
    def nearly(graph: Graph) -> None:
        """Break it less than it may."""
        rewrite(graph, [tanh_is_sigmoid])

    @graph_pass(Kind.decide)
    def halve(graph: Graph) -> None:
        """Halve the output."""
        (y,) = graph.outputs
        graph.replace(y, Mul(y, Const(np.float32(0.5), "half")))
        graph.stage = Stage.decided

    @macro_pass
    def both() -> Iterable[Step]:
        """Two steps."""
        return [halve.step(), nearly.step()]

    @graph_pass(Kind.exact)
    def crash(graph: Graph, *, data: Data | None, seed: int, target: str | None) -> None:
        """Fail."""
        raise ZeroDivisionError(f"{data is not None} {seed} {target}")

    @graph_pass(Kind.exact)
    def mangle(graph: Graph) -> None:
        """Damage the graph."""
        for op in graph.ops:
            if isinstance(op, Relu):
                op.x._users.clear()

    @graph_pass(Kind.decide)
    def hungry(graph: Graph, *, data: Data) -> None:
        """Need data."""
        assert data.first(1).count == 1

    yield
    declared.PASSES.clear()
    declared.PASSES.update(before)


def test_the_graph_given_stays_as_it_is(build):
    graph = build(TEXT)
    before = print_graph(graph)
    after = run("fold, halve", graph)
    assert print_graph(graph) == before
    assert after is not graph
    assert after.stage is Stage.decided


def test_the_report_has_a_row_for_each_pass(build):
    seen: list[str] = []
    _, report = run("fold, both", build(TEXT), report=True, progress=lambda row: seen.append(row.name))
    assert seen == ["fold", "halve", "nearly"]
    fold, halve, nearly = report.to_dict()
    assert (fold["nodes"], fold["parameters"]) == ({"before": 5, "after": 4}, {"before": 112, "after": 112})
    assert fold["macs"]["before"] == 4 * 6 * 6 * 27
    assert fold["check"].startswith("equal")
    assert halve["check"] == "error 5.0e-01"
    assert halve["bytes"] == {"before": 448, "after": 452}
    assert nearly["check"].startswith("equal (")
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()
    lines = str(report).splitlines()
    assert [line.split()[0] for line in lines] == ["pass", "fold", "halve", "nearly"]
    assert report.table().row_count == 3


def test_a_wrong_pass_is_caught_with_the_first_op_that_differs(build):
    with pytest.raises(CheckFailed) as raised:
        run("fold, wrong", build(TEXT))
    message = str(raised.value)
    assert message.startswith("pass wrong is exact, but the graph computes something else after it: output 'y': ")
    assert "the first op that differs is Sigmoid 't' (text line 9)" in message
    assert "^ the first value that differs" in message
    assert isinstance(run("fold, wrong", build(TEXT), check=False), Graph)


def test_a_wrong_fold_is_not_blamed_on_the_ops_behind_it(build):
    @rule
    def wrong_batch_norm(op: Add) -> Value | None:
        return Add(op.b, op.b) if isinstance(op.a, Tanh) else None

    @graph_pass(Kind.exact)
    def wrong_below(graph: Graph) -> None:
        """Break the last op."""
        rewrite(graph, [wrong_batch_norm])

    with pytest.raises(CheckFailed, match=r"the first op that differs is Add 'u'"):
        run("fold, wrong_below", build(TEXT))


def test_data_is_used_for_the_check_and_offered_to_passes(build):
    x = np.zeros((5, 3, 8, 8), np.float32)
    run("fold, hungry", build(TEXT), data=[x])
    with pytest.raises(Error, match=r"pass 'hungry' needs data, and the run has none \(--data on the command line"):
        run("hungry", build(TEXT))
    with pytest.raises(DataError, match="has shape"):
        run("fold", build(TEXT), data=[x[0]])


def test_what_cannot_be_evaluated_is_not_checked_and_says_why(build):
    text = TEXT.replace("%t = Tanh(%r): float32[N,4,6,6]", "%t = Opaque('Odd', 'org', (%r,), result_types=({T},)): {T}")
    text = text.replace("Opaque('Odd', 'org', (%r,),", "Opaque(kind='Odd', of_domain='org', inputs=(%r,),")
    _, report = run("fold", build(text.replace("{T}", "float32[N,4,6,6]")), report=True)
    assert report.rows[0].check.startswith("not checked: org.Odd 't'")


def test_sizes_that_are_free_are_tried_until_the_graph_runs(build):
    _, report = run(
        "fold",
        build(
            """
            input %x: float32[N,1,H]
            const %w: float32[2,1,31]
            %c = Conv(%x, %w): float32[N,2,H-30]
            %y = Identity(%c): float32[N,2,H-30]
            output 'y' = %y
            """
        ),
        report=True,
    )
    assert report.rows[0].check == "equal"


def test_a_damaged_graph_is_caught(build):
    with pytest.raises(VerifyError, match="use_lists"):
        run("mangle", build(TEXT))


def replay(folder: Path) -> subprocess.CompletedProcess[str]:
    root = Path(lissom.__file__).parents[1]
    program = (
        f"import sys; sys.path.insert(0, {str(root)!r}); sys.argv[1:] = [{str(folder)!r}]\n"
        "from lissom.passes.graph_pass import Kind, graph_pass\nfrom lissom.ir.graph import Graph\n"
        "from lissom.ir.ops.sigmoid import Sigmoid\nfrom lissom.ir.ops.tanh import Tanh\n"
        "@graph_pass(Kind.exact)\ndef wrong(graph: Graph) -> None:\n    'Break.'\n"
        "    for op in graph.ops:\n        if isinstance(op, Tanh): graph.replace(op, Sigmoid(op.x).named(op.name))\n"
        "from lissom.passes.repro import main\nsys.exit(main())"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_a_failure_leaves_a_folder_that_replays(build, tmp_path):
    folder = tmp_path / "out" / "repro"
    with pytest.raises(CheckFailed, match=r"to see it again: python -m lissom.passes.repro"):
        run("fold, wrong", build(TEXT), repro_dir=folder, seed=3)
    names = {"before.txt", "weights.npz", "inputs.npz", "pipeline.txt", "run.json", "error.txt", "command.txt"}
    assert {p.name for p in folder.iterdir()} == names
    assert [p.name for p in folder.parent.iterdir()] == ["repro"], "nothing half-written is left"
    graph, pipeline, data, arguments = read_repro(folder)
    assert pipeline == "wrong"
    assert arguments == {"seed": 3, "target": None}
    assert data is not None
    expected = run("fold", build(TEXT))
    np.testing.assert_array_equal(evaluate(graph, *data[0].values())[0], evaluate(expected, *data[0].values())[0])
    done = replay(folder)
    assert done.returncode == 1
    assert "the first op that differs is Sigmoid 't'" in done.stderr


def test_a_crash_leaves_a_folder_too_and_stays_what_it_is(build, tmp_path):
    with pytest.raises(ZeroDivisionError, match="False 7 portable"):
        run("crash", build(TEXT), repro_dir=tmp_path / "r", seed=7, target="portable")
    assert (tmp_path / "r" / "error.txt").read_text() == "ZeroDivisionError: False 7 portable\n"
    with pytest.raises(ZeroDivisionError):
        run("crash", build(TEXT), repro_dir=tmp_path / "r")
    assert json.loads((tmp_path / "r" / "run.json").read_text()) == {"seed": 0, "target": None}


def test_weights_of_any_type_survive_the_folder(tmp_path, build):
    import ml_dtypes

    from lissom.ir.types import tensor
    from lissom.passes.repro import write_repro

    graph = Graph()
    x = graph.input("x", tensor("bfloat16", 40))
    graph.set_outputs({"y": graph.append(Add(x, Const(np.arange(40).astype(ml_dtypes.bfloat16), "a/b:c")))})
    write_repro(tmp_path / "r", graph, "fold", ValueError("x"), {})
    back, *_ = read_repro(tmp_path / "r")
    assert print_graph(back) == print_graph(graph)
    np.testing.assert_array_equal(back.consts[0].data, graph.consts[0].data)


def test_ir_on_demand(build, capsys):
    run("fold", build(TEXT), print_ir="diff")
    out = capsys.readouterr().out
    assert "-  %n = BatchNormalization" in out
    assert "+  %r = Relu(%c)" in out
    run("fold", build(TEXT), print_ir="after")
    assert capsys.readouterr().out.startswith("graph 'test' stage=imported {")
    assert ir_diff(build(TEXT), build(TEXT)) == ""


def test_a_pass_is_a_function_too(build):
    graph = build(TEXT)
    declared.PASSES["both"](graph)
    assert [type(op).__name__ for op in graph.ops][-3:] == ["Sigmoid", "Add", "Mul"]
    declared.PASSES["hungry"](graph, data=[np.zeros((1, 3, 8, 8), np.float32)])


def test_random_inputs_depend_on_the_seed_only(build):
    from lissom.passes.check import random_feed

    graph = build(TEXT)
    a, b, c = (random_feed(graph, 4, seed)["x"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert a.shape == (2, 3, 8, 8)
    assert not np.array_equal(a, c)
