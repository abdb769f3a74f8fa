"""The public names: imported when used, known to type checkers, and nothing heavy before."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lissom

SOURCE = Path(__file__).parents[2] / "lissom" / "__init__.py"


def test_names_agree() -> None:
    """``__all__``, the lazy table and the imports for type checkers list the same."""
    block = next(n for n in ast.parse(SOURCE.read_text()).body if isinstance(n, ast.If))
    typed = {(n.module, a.name) for n in block.body if isinstance(n, ast.ImportFrom) for a in n.names}
    lazy = {(home, name) for home, names in lissom._HOMES.items() for name in names}
    assert typed == lazy
    assert sorted(name for _, name in lazy) == lissom.__all__


@pytest.mark.parametrize("name", lissom.__all__)
def test_every_public_name_exists(name: str) -> None:
    value = getattr(lissom, name)
    assert callable(value)
    assert value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'squash'"):
        lissom.squash  # noqa: B018


def test_the_command_line_loads_nothing_heavy() -> None:
    """``lissom --help`` must answer at once; what it may not import says so without a clock."""
    code = (
        "import sys, lissom.__main__\n"
        "from click.testing import CliRunner\n"
        "from lissom.cli.app import cli\n"
        "result = CliRunner().invoke(cli, ['--help'])\n"
        "assert result.exit_code == 0 and 'compile' in result.output\n"
        "print(*sorted(sys.modules.keys() & {'torch', 'onnx', 'onnxruntime', 'onnx_graphsurgeon', 'numpy', 'rich'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
