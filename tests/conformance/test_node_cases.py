"""The node cases of the onnx package through importer and interpreter. ``table.py --why OP`` shows single cases."""

from __future__ import annotations

import onnx
import pytest
import table
import torch
from node_cases import PASSED, WRONG, outcomes


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_no_case_is_wrong():
    wrong = [f"{o.op} {o.name}: {o.reason}" for o in outcomes() if o.status == WRONG]
    assert not wrong, "\n".join(wrong)


def test_enough_cases_pass():
    assert sum(o.status == PASSED for o in outcomes()) >= 1100


def test_docs_hold_the_table():
    """docs/ops.md is what ``python tests/conformance/table.py --write`` makes of it."""
    counted = table.counted_with()
    if counted != onnx.__version__:
        pytest.skip(f"the table in docs/ops.md was counted with onnx {counted}, installed is {onnx.__version__}")
    assert table.PAGE.read_text() == table.updated(table.PAGE.read_text())
