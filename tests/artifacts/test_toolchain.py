"""How units are compiled: quicker, and to the same bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lissom.backends.c.host import missing
from lissom.backends.c.toolchain import LEVEL_HEADER, STANDARD, compile_c, compile_unit
from lissom.ir.errors import Error
from lissom.kernels.registry import kernels_of

COMPILERS = [cc for cc in ("gcc", "clang") if shutil.which(cc)]


@pytest.mark.skipif(bool(missing("x86-64-v2")), reason="this machine is no x86-64")
@pytest.mark.parametrize("cc", COMPILERS)
def test_a_header_that_was_compiled_before_changes_no_byte(cc: str, tmp_path: Path) -> None:
    kernel = next(k for k in kernels_of("conv_f32") if k.level == "x86-64-v3")
    for name, text in kernel.files().items():
        (tmp_path / name).write_text(text, encoding="ascii")
    unit, flags = tmp_path / f"{kernel.name}.c", [*STANDARD, "-Werror", "-O2", "-I", tmp_path]
    compile_c([cc], [*flags, "-c", unit, "-o", tmp_path / "plain.o"])
    said = compile_unit([cc], [*flags, *(["-Winvalid-pch", "-H"] if cc == "gcc" else [])], unit, tmp_path / "quick.o")
    assert cc != "gcc" or f"{LEVEL_HEADER}.gch" in said
    assert (tmp_path / "quick.o").read_bytes() == (tmp_path / "plain.o").read_bytes()
    (tmp_path / LEVEL_HEADER).write_text("#error another header\n", encoding="ascii")
    with pytest.raises(Error, match="another header"):
        compile_unit([cc], flags, unit, tmp_path / "other.o")
