"""``lissom compile --target`` for a microcontroller: build, run and count under an emulator, and limits for memory."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lissom as ls
from lissom.backends.c.emulation.machines import lacking_for
from tests.cli.conftest import Invoke

INT8 = "fold, quantize(int8)"
TARGET = "cortex-m4"

pytestmark = pytest.mark.skipif(bool(lacking_for(TARGET)), reason=f"to run here, install {lacking_for(TARGET)}")


def test_compile_build_run_and_count(lissom: Invoke, model: Path, data: Path, tmp_path: Path) -> None:
    out, given = tmp_path / "out", ("--passes", INT8, "--data", data, "--target", TARGET)
    made = lissom("compile", model, "-o", out, *given, "--build", "--ram", "64K", "--flash", "256K")
    assert made.exit_code == 0, made.output
    assert "built" in made.output

    x = np.load(data)["x"]
    np.save(tmp_path / "x.npy", x)
    ran = lissom("run", out, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy")
    assert ran.exit_code == 0, ran.output
    (expected,) = ls.evaluate(ls.run(INT8, ls.load(model), data=str(data)), x)
    assert np.load(tmp_path / "y.npy").tobytes() == expected.tobytes()

    counted = lissom("bench", model, *given, "--instructions", "--json", tmp_path / "counts.json")
    assert counted.exit_code == 0, counted.output
    figures = json.loads((tmp_path / "counts.json").read_text())
    assert figures["target"] == TARGET
    assert 0 < sum(layer["instructions"] for layer in figures["layers"]) <= figures["instructions"]
    assert f"{figures['instructions']:,} instructions" in counted.output


def test_what_cannot_be(lissom: Invoke, model: Path, tmp_path: Path) -> None:
    refused = lissom("compile", model, "-o", tmp_path / "out", "--target", TARGET, "--ram", "1K")
    assert refused.exit_code == 1
    assert "bytes of 1,024" in refused.output
    assert not (tmp_path / "out").exists()
    for size in ("64X", "-1"):
        wrong = lissom("compile", model, "-o", tmp_path / "out", "--ram", size)
        assert "no size" in wrong.output
    here = lissom("bench", model, "--target", "portable", "--instructions")
    assert "no emulator plays portable" in here.output
    assert lissom("compile", model, "-o", tmp_path / "out", "--target", TARGET).exit_code == 0
    for what in (model, "--target", TARGET), (tmp_path / "out",):
        timed = lissom("bench", *what, "--against", "onnxruntime")
        assert timed.exit_code == 1
        assert "nothing to time; add --instructions" in timed.output
