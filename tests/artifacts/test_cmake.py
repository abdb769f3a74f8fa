"""The ``CMakeLists.txt`` of an artifact: builds, and ``ctest`` passes, with each compiler there is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lissom.backends.c import emit
from lissom.ir.graph import Graph

COMPILERS = [cc for cc in ("gcc", "clang") if shutil.which(cc)]


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
@pytest.mark.parametrize("cc", COMPILERS)
def test_cmake_builds_and_ctest_passes(cc: str, net: Graph, tmp_path: Path) -> None:
    emit(net, tmp_path / "out", name="tiny", target="native")
    build = tmp_path / "build"

    def run(*command: Any) -> str:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    run("cmake", "-S", tmp_path / "out", "-B", build, f"-DCMAKE_C_COMPILER={cc}", "-DCMAKE_BUILD_TYPE=Release")
    run("cmake", "--build", build, "--parallel", "2")
    assert "100% tests passed" in run("ctest", "--test-dir", build)
