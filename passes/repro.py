"""The folder a failed pass leaves behind, and its replay: ``python -m lissom.passes.repro FOLDER``.

``before.txt`` is the graph the pass was given, ``weights.npz`` the constants its text leaves outside, ``inputs.npz``
the inputs of the numeric check, ``pipeline.txt`` the one pass that failed, ``error.txt`` the message and
``command.txt`` the line that replays it.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lissom.ir.errors import DataError, Error
from lissom.ir.graph import Graph
from lissom.ir.parser import parse_graph
from lissom.ir.printer import external_weights, print_graph
from lissom.ir.types import Array, DType, dtype_of


def write_repro(
    folder: Path, graph: Graph, step: str, error: BaseException, feed: Mapping[str, Array], **run: Any
) -> None:
    """Write what is needed to see the failure again; ``run`` are further arguments of the run, such as the seed.

    The folder appears whole or not at all; one that is there already is replaced.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        (made / "before.txt").write_text(print_graph(graph), encoding="utf-8")
        _save_arrays(made / "weights.npz", external_weights(graph))
        if feed:
            _save_arrays(made / "inputs.npz", feed)
        (made / "pipeline.txt").write_text(f"{step}\n", encoding="utf-8")
        (made / "run.json").write_text(json.dumps(run, sort_keys=True) + "\n", encoding="utf-8")
        (made / "error.txt").write_text(f"{type(error).__name__}: {error}\n", encoding="utf-8")
        (made / "command.txt").write_text(f"python -m lissom.passes.repro {folder.name}\n", encoding="utf-8")
        made.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def read_repro(folder: Path) -> tuple[Graph, str, list[dict[str, Array]] | None, dict[str, Any]]:
    """The graph, the pipeline text, the data (one batch, or None) and the further arguments of the run."""
    try:
        graph = parse_graph((folder / "before.txt").read_text(encoding="utf-8"), _load_arrays(folder / "weights.npz"))
        inputs = folder / "inputs.npz"
        data = [_load_arrays(inputs)] if inputs.exists() else None
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return graph, (folder / "pipeline.txt").read_text(encoding="utf-8").strip(), data, run
    except OSError as e:
        raise DataError(f"{folder} is not a whole repro folder: {e}") from e


def replay(folder: Path) -> Graph:
    """Run the pass again; raises what it raised, unless that is mended."""
    from lissom.passes.runner import run

    graph, pipeline, data, arguments = read_repro(folder)
    result: Graph = run(pipeline, graph, data=data, **arguments)
    return result


def _save_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    # npz has no ml_dtypes types, so every key begins with the element type and such arrays travel as bytes.
    plain = {
        f"{(t := dtype_of(a)).name}:{n}": a.view(np.uint8) if _foreign(t) and a.ndim else a for n, a in arrays.items()
    }
    np.savez(path, **{k: np.asarray(a) for k, a in plain.items()})  # type: ignore[arg-type]


def _load_arrays(path: Path) -> dict[str, Array]:
    with np.load(path, allow_pickle=False) as file:
        split = [(*key.split(":", 1), file[key]) for key in file.files]
    return {name: a.view(DType[t].numpy) if _foreign(DType[t]) and a.ndim else a for t, name, a in split}


def _foreign(dtype: DType) -> bool:
    return dtype.numpy.num >= 256 or dtype.numpy.kind == "V"


def main() -> int:
    """Replay the folder named on the command line: status 1 and the message when the pass still fails."""
    if len(sys.argv) != 2:
        print("usage: python -m lissom.passes.repro FOLDER", file=sys.stderr)
        return 2
    try:
        replay(Path(sys.argv[1]))
    except Error as e:
        print(f"{type(e).__name__}: {e}", file=sys.stderr)
        return 1
    print("the pass succeeds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
