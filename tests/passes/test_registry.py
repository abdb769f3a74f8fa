"""Passes that other packages offer through the entry-point group ``lissom.passes``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = '''
from lissom.ir.graph import Graph
from lissom.passes.graph_pass import Kind, graph_pass

@graph_pass(Kind.exact)
def polish(graph: Graph, *, times: int = 1) -> None:
    """Polish it.

    times: how often.
    """
'''


def install(folder: Path, name: str, entries: str, **modules: str) -> None:
    """What an installer leaves: modules, and a dist-info with the entry points."""
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[lissom.passes]\n{entries}\n")


@pytest.fixture
def ask(tmp_path):
    """Runs a program in a fresh process that sees the packages in ``tmp_path``."""
    install(tmp_path, "good-plugin", "polish = good_plugin:polish", good_plugin=PLUGIN)
    install(
        tmp_path,
        "bad-plugin",
        "smash = bad_plugin:smash\nodd = bad_plugin_2:value",
        bad_plugin="1 / 0",
        bad_plugin_2="value = 3",
    )

    def run(program: str) -> str:
        import lissom

        root = str(Path(lissom.__file__).parents[1])
        code = f"import sys; sys.path[:0] = [{root!r}, {str(tmp_path)!r}]\n{program}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_plugins(ask):
    out = ask(
        """
from lissom.ir.errors import Error
from lissom.passes.pipeline import parse_pipeline
from lissom.passes.registry import all_passes, find_pass

print([str(s) for s in parse_pipeline("fold, polish(2)")])
print("bad_plugin" in sys.modules)
for text in ("smash", "odd", "polsh"):
    try:
        parse_pipeline(text)
    except Error as e:
        print(str(e).splitlines()[0])
found, broken = all_passes()
print("fold" in found, "polish" in found, sorted(broken))
"""
    )
    lines = out.splitlines()
    assert lines[0] == "['fold', 'polish(2)']"
    assert lines[1] == "False", "a plugin is loaded only when it is asked for"
    assert lines[2] == (
        "pass 'smash', offered by package bad-plugin as bad_plugin:smash, cannot be loaded: "
        "ZeroDivisionError: division by zero"
    )
    assert lines[3] == (
        "pass 'odd', offered by package bad-plugin as bad_plugin_2:value, is no pass: "
        "declare it with lissom.passes.graph_pass"
    )
    assert lines[4].startswith("no pass is called 'polsh'; did you mean 'polish'?")
    assert lines[5] == "True True ['odd', 'smash']"
