"""``lissom run``: an artifact on arrays from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lissom.ir.errors import DataError

if TYPE_CHECKING:
    from lissom.ir.types import Array


@click.command()
@click.argument("out_dir", type=click.Path(path_type=Path))
@click.option(
    "--input",
    "sources",
    multiple=True,
    required=True,
    metavar="[NAME=]FILE",
    help="A .npy for each input, in order or by name, or one .npz with an array for each.",
)
@click.option(
    "--output",
    "destination",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="A .npy for a single output, an .npz for any number.",
)
def run(out_dir: Path, sources: tuple[str, ...], destination: Path) -> None:
    """Run the artifact in OUT_DIR. It is built with the host's C compiler first, where that has not been done."""
    from lissom.backends.c import Artifact
    from lissom.cli.console import progress, show

    if destination.suffix not in (".npy", ".npz"):
        raise click.BadParameter(f"{destination} is neither .npy nor .npz", param_hint="--output")
    with progress("building"):
        artifact = Artifact(out_dir)
        names = [str(port["name"]) for port in artifact.report["inputs"]]
        feed = _feed(sources, names)
        results = artifact.run(*(feed[name] for name in names))
    outputs = {str(port["name"]): y for port, y in zip(artifact.report["outputs"], results, strict=True)}
    _write(destination, outputs)
    show(*(f"{name}: {y.dtype}{list(y.shape)}" for name, y in outputs.items()), f"wrote {destination}")


def _feed(sources: tuple[str, ...], names: list[str]) -> dict[str, Array]:
    """The arrays by input name. Raises DataError where they are not the ones wanted."""
    feed: dict[str, Array] = {}
    for source in sources:
        name, equals, path = source.partition("=")
        if not equals or Path(source).exists():
            name, path = "", source
        loaded = _read(path)
        if isinstance(loaded, dict):
            if len(names) == 1 and "x" in loaded:
                loaded.setdefault(names[0], loaded["x"])
            feed.update((n, a) for n, a in loaded.items() if n in names)
        else:
            position = [n for n in names if n not in feed]
            feed[name or (position[0] if position else path)] = loaded
    missing, unknown = [n for n in names if n not in feed], [n for n in feed if n not in names]
    if missing or unknown:
        raise DataError(f"--input: the artifact takes {', '.join(names)}; missing {missing}, unknown {unknown}")
    return feed


def _read(path: str) -> Any:
    """An array from a .npy, a dict of them from an .npz."""
    import zipfile

    import numpy as np

    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as e:
        raise DataError(f"--input {path} cannot be read as .npy or .npz; numpy.save(path, array) writes one") from e


def _write(path: Path, outputs: dict[str, Array]) -> None:
    import numpy as np

    from lissom.cli.writing import replacing

    if path.suffix == ".npy" and len(outputs) > 1:
        raise DataError(f"--output {path}: the artifact has {len(outputs)} outputs; write them to an .npz")
    with replacing(path) as aside:
        if path.suffix == ".npy":
            np.save(aside, next(iter(outputs.values())))
        else:
            np.savez(aside, **outputs)  # type: ignore[arg-type]  # the stub takes names for flags
