"""Kernels of a level neither read nor write outside of their operands, and do nothing undefined: sanitizers say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.kernels.test_depthwise import depthwise
from tests.kernels.test_products import convolutions, draw_nets, flags_of, own_kernel, products
from tests.kernels.test_winograd import convolutions as of_3x3
from tests.kernels.test_winograd import winograd


@pytest.mark.parametrize("level", ["x86-64-v3", "avx512vnni"])
def test_operands_end_where_they_end(case_maker: Any, sanitizer: Any, tmp_path: Path, level: str) -> None:
    flags = flags_of(level)
    drawn = draw_nets(st.one_of(convolutions("q8"), convolutions("f32"), products(), depthwise()), 6)
    cases = [case_maker(f"{i}", f"n{i}", graph, feed, level, own_kernel) for i, (graph, feed) in enumerate(drawn)]
    for i, (graph, feed) in enumerate(draw_nets(of_3x3(), 2)):
        cases.append(case_maker(f"w{i}", f"w{i}", graph, feed, level, winograd))
    ran = sanitizer(cases, tmp_path, flags)
    assert ran.stderr == ""
    assert ran.returncode == 0
