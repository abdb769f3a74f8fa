"""``--update-golden`` writes the expected files anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the expected files of tests/golden anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with the file of that name in ``expected/``."""

    def compare(name: str, text: str) -> None:
        path = Path(__file__).parent / "expected" / name
        if request.config.getoption("--update-golden", default=False):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert path.exists(), f"{path} is missing; write it with: pytest tests/golden --update-golden"
        assert text == path.read_text(encoding="utf-8"), "look at the difference; if it is meant, pass --update-golden"

    return compare
