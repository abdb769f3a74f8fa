"""The folder of ops, the registry and the samples agree."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import pytest

import lissom.ir.ops
from lissom.ir.op import OPS, Op

FOLDER = Path(lissom.ir.ops.__file__).parent
WITHOUT_SAMPLES = {"Opaque": "it stands for any op, and has neither infer nor run of its own"}


def snake(name: str) -> str:
    """``LpPool`` -> ``lp_pool``, ``RMSNormalization`` -> ``rms_normalization``, ``And`` -> ``and_`` (a keyword)."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z]{2})(?=[A-Z][a-z])", "_", name.replace("NaN", "Nan")).lower()
    return f"{words}_" if keyword.iskeyword(words) else words


def test_one_file_an_op() -> None:
    files = {p.stem for p in FOLDER.glob("*.py")} - {"__init__"}
    named = {snake(name): name for name in OPS}
    assert files == named.keys()
    for stem, name in named.items():
        assert OPS[name].__module__ == f"lissom.ir.ops.{stem}", f"{name} is not defined in {stem}.py"
    assert len(named) == len(OPS)


def test_the_package_lists_every_op_for_type_checkers() -> None:
    listed = re.findall(r"from lissom\.ir\.ops\.(\w+) import (\w+) as \2", Path(lissom.ir.ops.__file__).read_text())
    wanted = [(snake(name), name) for name in sorted(OPS, key=snake)]
    assert listed == wanted, "ir/ops/__init__.py lists other ops than the folder has"


@pytest.mark.parametrize("name", sorted(OPS))
def test_has_docstring_and_samples(name: str) -> None:
    cls = OPS[name]
    assert cls.__dict__.get("__doc__"), f"{name} says no formula"
    count = sum(1 for _ in cls.samples())
    if name in WITHOUT_SAMPLES:
        assert count == 0, f"{name} has samples now; take it off the list"
    else:
        assert count >= 3, f"{name} has {count} samples; at least three, for the corner cases"


@pytest.mark.parametrize("name", sorted(OPS))
def test_defines_its_meaning_once(name: str) -> None:
    cls = OPS[name]
    assert cls.infer is not Op.infer, f"{name} infers no type"
    assert callable(getattr(cls, "run", None)), f"{name} has no run"
