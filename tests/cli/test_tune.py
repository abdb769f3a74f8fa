"""``lissom tune``, and what ``lissom compile`` makes of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke

pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler on the path")


def test_tuned_times_are_in_the_report(
    lissom: Invoke, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "cache"))
    done = lissom("tune", model, "--target", "portable")
    assert "kinds of calls for portable" in done.output
    assert lissom("compile", model, "-o", tmp_path / "out", "--target", "portable", "--tune").exit_code == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert any(layer["measured_us"] > 0 and layer["level"] == "portable" for layer in report["layers"])
    assert "measured_us" in (tmp_path / "out" / "report.html").read_text()


def test_size_and_tuning_are_not_asked_for_together(lissom: Invoke, model: Path, tmp_path: Path) -> None:
    done = lissom("compile", model, "-o", tmp_path / "out", "--tune", "--optimize", "size")
    assert done.exit_code == 2
    assert "leave it out with --optimize size" in done.output
