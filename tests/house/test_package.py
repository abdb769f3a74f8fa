"""A wheel built from the sdist installs, imports outside the checkout, and holds each file once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = ("lissom", "ir", "passes", "backends", "kernels")


def python(*arguments: str, cwd: Path, path: Path | None = None) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made the way pip makes it from the sdist."""
    work = tmp_path_factory.mktemp("package")
    tree = work / "tree"
    ignored = shutil.ignore_patterns("__pycache__", ".*", "*.egg-info", "build", "dist", "out*")
    shutil.copytree(ROOT, tree, symlinks=True, ignore=ignored)
    hook = "import sys; from setuptools import build_meta as b; print(getattr(b, sys.argv[1])(sys.argv[2]))"
    sdist = python("-c", hook, "build_sdist", str(work), cwd=tree).splitlines()[-1]
    shutil.unpack_archive(work / sdist, work / "unpacked")
    (unpacked,) = (work / "unpacked").iterdir()
    name = python("-c", hook, "build_wheel", str(work), cwd=unpacked).splitlines()[-1]
    return work / name


def expected_files() -> set[str]:
    files = set()
    for folder in SHIPPED:
        for path in (ROOT / folder).rglob("*"):
            inside_link = folder == "lissom" and any((ROOT / "lissom" / w) in path.parents for w in SHIPPED)
            if path.is_file() and path.suffix in (".py", ".typed", ".c", ".h") and not inside_link:
                name = path.relative_to(ROOT).as_posix()
                files.add(name if folder == "lissom" else f"lissom/{name}")
    return files


def test_wheel_holds_each_file_once(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if ".dist-info/" not in n]
        licences = [n for n in archive.namelist() if n.endswith("/LICENSE")]
    assert [n for n, count in Counter(names).items() if count > 1] == []
    assert set(names) == expected_files()
    assert len(licences) == 1


def test_wheel_imports_outside_the_checkout(wheel: Path) -> None:
    site = wheel.parent / "site"
    python("-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(site), str(wheel), cwd=wheel.parent)
    code = "import lissom, lissom.ir.ops; print(lissom.__file__); print(lissom.Graph.__module__)"
    where, module = python("-c", code, cwd=wheel.parent, path=site).splitlines()
    assert Path(where) == site / "lissom" / "__init__.py"
    assert module == "lissom.ir.graph"
