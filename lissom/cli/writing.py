"""Writes results whole or not at all: aside first, then moved into place."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to, in a folder of its own; what is there at the end moves to where ``path`` is.

    Files that are written beside it (external data) move too. After an error nothing is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".lissom-") as aside:
        yield Path(aside, path.name)
        for file in sorted(Path(aside).iterdir()):
            os.replace(file, path.parent / file.name)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file."""
    with replacing(path) as aside:
        aside.write_text(json.dumps(content, indent=2) + "\n")
