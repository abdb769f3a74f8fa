"""The sensitivity scan: its figures, its plot, its interruption, and the command."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

import lissom as ls
from lissom.cli.app import cli
from lissom.ir.errors import Error
from lissom.ir.interpreter import evaluate
from lissom.passes.data import Data
from lissom.passes.prune import mask
from lissom.passes.prune.drop import output_error
from lissom.passes.prune.plot import svg
from lissom.passes.prune.sensitivity import Point, scan


def test_a_point_is_what_masking_one_group_does(residual, images) -> None:
    graph = residual()
    result = scan(graph, Data([images], graph), ratios=(0.25, 0.5))
    assert [(p.group, p.removed) for p in result.points] == [("stem.w", 2), ("stem.w", 4), ("a.w", 3), ("a.w", 6)]
    assert result.complete
    assert result.accuracy is None
    masked = graph.clone()
    mask(masked, amount=0.5, layers={"stem.w": 0.0}, round_to=1, recover=False, seed=0)
    expected = output_error([evaluate(graph, images)], [evaluate(masked, images)])
    assert result.points[-1].error == pytest.approx(expected, rel=1e-4)


def test_accuracy_and_recovery(residual, images) -> None:
    graph = residual()
    labels = evaluate(graph, images)[0].argmax(1)
    data = Data([{"x": images, "y": labels}], graph)
    plain, recovered = (scan(graph, data, ratios=(0.5,), recover=r) for r in (False, True))
    assert plain.accuracy == 1.0
    for a, b in zip(plain.points, recovered.points, strict=True):
        assert b.error < a.error
        assert a.accuracy is not None
        assert b.accuracy is not None
        assert b.accuracy >= a.accuracy


def test_an_interrupt_keeps_what_was_measured(residual, images) -> None:
    graph = residual()
    seen: list[Point] = []

    def progress(p: Point) -> None:
        seen.append(p)
        if len(seen) == 2:
            raise KeyboardInterrupt

    result = scan(graph, Data([images], graph), progress=progress)
    assert not result.complete
    assert result.points == seen
    assert result.to_dict()["complete"] is False


def test_ratios_are_shares(residual, images) -> None:
    graph = residual()
    with pytest.raises(Error, match=r"between 0 and 1, got 0\.5, 1"):
        scan(graph, Data([images], graph), ratios=(0.5, 1.0))


def test_the_plot_has_a_line_for_each_group(residual, images) -> None:
    graph = residual()
    picture = svg(scan(graph, Data([images], graph), ratios=(0.25, 0.5)), "a < b & c")
    root = ElementTree.fromstring(picture)
    space = {"s": "http://www.w3.org/2000/svg"}
    lines = root.findall("s:polyline", space)
    assert [len(line.get("points", "").split()) for line in lines] == [3, 3]
    texts = [t.text for t in root.findall("s:text", space)]
    assert "a < b & c" in texts
    assert "stem.w (8)" in texts


def test_the_command_writes_plot_and_figures(residual, images, tmp_path) -> None:
    graph = residual()
    ls.save(graph, tmp_path / "net.onnx")
    np.savez(tmp_path / "data.npz", x=images, y=evaluate(graph, images)[0].argmax(1))
    arguments = ["sensitivity", str(tmp_path / "net.onnx"), "--data", str(tmp_path / "data.npz"), "--ratios", "0.5"]
    for name in ("scan.json", "scan.svg"):
        result = CliRunner().invoke(cli, [*arguments, "-o", str(tmp_path / name)])
        assert result.exit_code == 0, result.output
        assert "100.0%" in result.output or "50%:" in result.output
    figures = json.loads((tmp_path / "scan.json").read_text())
    assert figures["accuracy"] == 1.0
    assert [g["units"] for g in figures["groups"]] == [8, 12]
    assert ElementTree.fromstring((tmp_path / "scan.svg").read_text()).tag.endswith("svg")
    wrong = CliRunner().invoke(cli, [*arguments, "-o", str(tmp_path / "scan.txt")])
    assert wrong.exit_code == 1
    assert "written as .svg or .json" in wrong.output
    wrong = CliRunner().invoke(cli, [*arguments, "-o", str(tmp_path / "s.svg"), "--criterion", "l3"])
    assert wrong.exit_code == 1
    assert "no criterion is called 'l3'" in wrong.output
