"""What an artifact is wrapped in builds as the tools that take it build it; the tools themselves are stood in for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lissom.backends.c import Artifact, emit
from lissom.backends.c.emulation.machines import lacking_for
from lissom.ir.graph import Graph
from lissom.ir.interpreter import evaluate

ARDUINO = """\
#pragma once
#include <stdint.h>
struct Port {
    void begin(long) {}
    template <typename T> void print(T) {}
    template <typename T> void println(T) {}
};
extern Port Serial;
unsigned long micros();
void delay(int);
"""

ZEPHYR = """\
cmake_minimum_required(VERSION 3.13)
project(firmware C)
set(CONFIG_TINY_NETWORK y)
macro(zephyr_library_named name)
    set(ZEPHYR_CURRENT_LIBRARY ${name})
    add_library(${name} STATIC)
endmacro()
function(zephyr_library_sources)
    target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
function(zephyr_library_compile_options)
    target_compile_options(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
function(zephyr_include_directories)
    target_include_directories(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
add_subdirectory(${MODULE}/zephyr module)
"""


def shell(*command: Any, at: Path) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd=at)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_arduino(net: Graph, tmp_path: Path) -> None:
    """All C below src is compiled with src as the place of headers; the sketch is C++."""
    report = emit(net, tmp_path / "tiny", name="tiny", package="arduino")
    x = [np.ones(p["shape"], p["dtype"]) for p in report["inputs"]]
    for got, want in zip(Artifact(tmp_path / "tiny").run(*x), evaluate(net, *x), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
    properties = dict(line.split("=", 1) for line in (tmp_path / "tiny/library.properties").read_text().splitlines())
    assert {"name", "version", "author", "maintainer", "sentence", "url", "architectures"} <= properties.keys()
    assert (tmp_path / "tiny" / "src" / properties["includes"]).is_file()
    if shutil.which("g++") is None:
        pytest.skip("g++, which compiles the sketch, is not installed")
    (tmp_path / "Arduino.h").write_text(ARDUINO)
    units = sorted((tmp_path / "tiny" / "src").rglob("*.c"))
    shell("gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-I", "tiny/src", "-c", *units, at=tmp_path)
    sketch = tmp_path / "tiny/examples/once/once.ino"
    flags = ["-Wall", "-Werror", "-I", "tiny/src", "-I", ".", "-include", "Arduino.h"]
    shell("g++", *flags, "-x", "c++", "-c", sketch, "-o", "once.o", at=tmp_path)
    rest = "void setup(); void loop(); Port Serial; unsigned long micros() { return 0; } void delay(int) {}\n"
    (tmp_path / "rest.cpp").write_text(f'#include "Arduino.h"\n{rest}int main() {{ setup(); loop(); }}\n')
    shell("g++", "-I", ".", "rest.cpp", "once.o", *objects(tmp_path), at=tmp_path)
    shell(tmp_path / "a.out", at=tmp_path)


def objects(folder: Path) -> list[Path]:
    return [o for o in sorted(folder.glob("*.o")) if o.name != "once.o"]


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
def test_zephyr(net: Graph, tmp_path: Path) -> None:
    """The module's CMake file names all units; Kconfig has the option it asks for."""
    emit(net, tmp_path / "tiny", name="tiny", package="zephyr")
    (tmp_path / "CMakeLists.txt").write_text(ZEPHYR)
    shell("cmake", "-S", ".", "-B", "build", f"-DMODULE={tmp_path / 'tiny'}", at=tmp_path)
    shell("cmake", "--build", "build", at=tmp_path)
    (library,) = (tmp_path / "build").rglob("libtiny.a")
    assert "tiny_run" in shell("nm", library, at=tmp_path)
    assert "config TINY_NETWORK\n" in (tmp_path / "tiny/zephyr/Kconfig").read_text()
    assert "cmake: zephyr\n" in (tmp_path / "tiny/zephyr/module.yml").read_text()


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
def test_toolchain_file_builds_for_another_machine_and_ctest_runs_there(net: Graph, tmp_path: Path) -> None:
    if lacks := lacking_for("aarch64+dotprod"):
        pytest.skip(f"to run aarch64+dotprod here, install {lacks}")
    emit(net, tmp_path / "tiny", name="tiny", target="aarch64+dotprod")
    shell("cmake", "-S", "tiny", "-B", "build", f"-DCMAKE_TOOLCHAIN_FILE={tmp_path}/tiny/toolchain.cmake", at=tmp_path)
    shell("cmake", "--build", "build", "--parallel", "2", at=tmp_path)
    assert "100% tests passed" in shell("ctest", "--test-dir", "build", at=tmp_path)
