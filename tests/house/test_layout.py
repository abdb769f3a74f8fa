"""The house: where files are, how they import each other, how long they are."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
WINGS = ("ir", "passes", "backends", "kernels")
"""Root folders that install as sub-packages of lissom."""

MAY_IMPORT = {
    "ir": {"ir"},
    "kernels": {"kernels"},
    "passes": {"passes", "ir", "kernels"},
    "backends": {"backends", "ir", "kernels"},
    "lissom": {"lissom", *WINGS},
}
"""Imports run one way: lissom -> backends -> kernels, lissom -> passes -> ir, backends -> ir."""

HEAVY = {"torch", "onnx", "onnxruntime", "onnx_graphsurgeon"}


def packages_in_tree() -> dict[str, str]:
    found = {"lissom": "lissom"}
    for wing in (*WINGS, "lissom/bench", "lissom/cli"):
        for init in (ROOT / wing).rglob("__init__.py"):
            folder = init.parent.relative_to(ROOT).as_posix()
            found[folder.replace("/", ".") if folder.startswith("lissom") else f"lissom.{folder.replace('/', '.')}"] = (
                folder
            )
    return found


def sources(wing: str) -> Iterator[Path]:
    """Python files of a wing; those of the front door without the links to the other wings."""
    for path in sorted((ROOT / wing).rglob("*.py")):
        if wing != "lissom" or not any((ROOT / "lissom" / w) in path.parents for w in WINGS):
            yield path


def imported(path: Path, *, top_level_only: bool = False) -> Iterator[tuple[int, str]]:
    """``(line, module)`` of every import statement that runs."""
    tree = ast.parse(path.read_text())
    typing_only: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            typing_only.update(n for child in node.body for n in ast.walk(child))
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, a.name) for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            yield node.lineno, node.module or ""


def test_package_map_lists_the_folders() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert config["package-dir"] == packages_in_tree()
    assert sorted(config["packages"]) == sorted(config["package-dir"])


def test_python_folders_are_packages() -> None:
    """A folder with modules but no ``__init__.py`` would not be installed."""
    homeless = {
        path.parent.relative_to(ROOT).as_posix()
        for wing in (*WINGS, "lissom")
        for path in sources(wing)
        if not (path.parent / "__init__.py").exists()
    }
    assert not homeless


@pytest.mark.parametrize("wing", WINGS)
def test_links_of_the_front_door(wing: str) -> None:
    link = ROOT / "lissom" / wing
    assert link.is_symlink()
    assert link.readlink() == Path("..", wing)


@pytest.mark.parametrize("wing", [*WINGS, "lissom"])
def test_imports_run_one_way(wing: str) -> None:
    wrong = []
    for path in sources(wing):
        for line, module in imported(path):
            first, _, rest = module.partition(".")
            assert first not in WINGS, f"{path}:{line}: import lissom.{module}, not {module}"
            target = rest.partition(".")[0] if first == "lissom" else None
            if target is not None and (target if target in WINGS else "lissom") not in MAY_IMPORT[wing]:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_front_door_is_lazy() -> None:
    """No file that ``lissom --help`` loads imports a heavy module at its top level."""
    wrong = []
    for path in sources("lissom"):
        if path.parent.name == "bench":  # which its command imports when it runs
            continue
        for line, module in imported(path, top_level_only=True):
            first, _, rest = module.partition(".")
            light = first not in HEAVY | {"numpy", "rich"} and (
                first != "lissom" or rest.partition(".")[0] not in WINGS or module == "lissom.ir.errors"
            )
            if not light:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_files_are_short() -> None:
    """One concept a file: 500 lines is the ceiling."""
    long = []
    for folder in (*WINGS, "lissom", "tests", "examples", "benchmarks", "docs"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix not in (".py", ".c", ".h") or "golden" in path.parts or "__pycache__" in path.parts:
                continue
            if folder == "lissom" and any((ROOT / "lissom" / w) in path.parents for w in WINGS):
                continue
            count = len(path.read_bytes().splitlines())
            if count > 500:
                long.append(f"{path.relative_to(ROOT)}: {count} lines")
    assert not long, "\n".join(long)
