"""Writes results whole or not at all: aside first, then moved into place."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lissom.ir.errors import DataError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to, in a folder of its own; what is there at the end takes the place of ``path``."""
    if not path.parent.is_dir():
        raise DataError(f"{path} cannot be written: there is no folder {path.parent}")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".lissom-") as aside:
        written = Path(aside, path.name)
        yield written
        os.replace(written, path)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file."""
    with replacing(path) as aside:
        aside.write_text(json.dumps(content, indent=2) + "\n")
