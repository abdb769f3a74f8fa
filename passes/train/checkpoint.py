"""What a training run needs to go on where it was killed: tensors in safetensors, everything else in JSON.

``NAME-STEP.safetensors`` is written first, under another name, and renamed; then ``NAME.json``, which says where the
run is and which tensors belong to it. So whenever a run is killed, the JSON file names tensors that are there whole.
NAME is a hash of all that the result depends on: a run finds its own checkpoint, and no other.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.ir.printer import print_graph
from lissom.ir.types import Array

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint of one run in a folder, where there is one and where to write the next."""

    folder: Path
    name: str

    @property
    def record(self) -> Path:
        return self.folder / f"{self.name}.json"

    def load(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]] | None:
        """The state and the tensors of the last save; None where there is none. Raises Error where it is damaged."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            state = json.loads(self.record.read_text(encoding="utf-8"))
            return state, load_file(self.folder / state["tensors"])
        except FileNotFoundError as e:
            if not self.record.exists():
                return None
            raise Error(
                f"checkpoint {self.record} names a file that is gone: {e.filename}; delete {self.record}"
            ) from e
        except (OSError, ValueError, KeyError, SafetensorError) as e:
            raise Error(f"checkpoint {self.record} cannot be read: {e}; delete it to train from the beginning") from e

    def save(self, state: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        """Write a state with its tensors, and drop those of the one before."""
        from safetensors.torch import save

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = self.folder / f"{self.name}-{state['step']}.safetensors"
            self._write(file, save({k: t.detach().cpu().contiguous() for k, t in tensors.items()}))
            content = {"format": FORMAT, **state, "tensors": file.name}
            self._write(self.record, (json.dumps(content, indent=1) + "\n").encode())
            for old in self.folder.glob(f"{self.name}-*.safetensors"):
                if old != file:
                    old.unlink()
        except OSError as e:
            raise Error(f"checkpoint {self.record} cannot be written: {e}") from e

    def _write(self, path: Path, content: bytes) -> None:
        """Write beside and rename, so that there is never half a file."""
        aside = self.folder / f".{self.name}.part"
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)


def fingerprint(*parts: Graph | str) -> str:
    """A hash of graphs, weights and all, and texts."""
    hashed = hashlib.blake2b(digest_size=10)
    for part in parts:
        if isinstance(part, str):
            hashed.update(part.encode())
        else:
            hashed.update(print_graph(part).encode())
            for c in part.consts:
                hashed.update(_bytes(c.data))
        hashed.update(b"\0")
    return hashed.hexdigest()


def _bytes(a: Array) -> bytes:
    return bytes(a.tobytes())
