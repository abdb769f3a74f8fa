"""Calibration and test data: what ``--data`` and ``data=`` take, as checked batches that fit a graph's inputs."""

from __future__ import annotations

import importlib
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from lissom.ir.errors import DataError
from lissom.ir.graph import Graph
from lissom.ir.interpreter import check_inputs
from lissom.ir.types import Array
from lissom.ir.values import Input

Source: TypeAlias = "str | Path | list[Any] | Iterable[Mapping[str, Any]]"
"""Path of an ``.npz``, ``"module:function"``, a list of arrays (batches of the one input), or an iterable of dicts."""

LABELS = "y"
"""The array that holds labels, unless an input is called so."""
TAUGHT = "teacher"
"""The array that holds what a teacher said to each sample, unless an input is called so: see docs/training.md."""
WHAT = {LABELS: "labels", TAUGHT: "answers of the teacher"}


@dataclass(frozen=True)
class Batch:
    """Arrays by input name that the graph takes as they are.

    ``count`` of the samples are real: where the graph's batch is fixed, the last batch is filled up by repeating its
    last sample. ``labels`` and ``taught`` have ``count`` elements.
    """

    feed: dict[str, Array]
    count: int
    labels: Array | None = None
    taught: Array | None = None


class Data:
    """Batches for the inputs of ``graph``, read when they are asked for, any number of times.

    Raises DataError, here or while iterating, for a missing array, a wrong dtype or shape, NaN or Inf, labels of
    another length, or no sample at all.
    """

    def __init__(self, source: Source | Data, graph: Graph) -> None:
        self.inputs: tuple[Input, ...] = graph.inputs
        self._graph = graph
        self._chunks, self.name = source._chunks_of() if isinstance(source, Data) else _open(source, graph)

    def _chunks_of(self) -> tuple[Callable[[], Iterator[Mapping[str, Any]]], str]:
        return self._chunks, self.name

    @property
    def has_batch_axis(self) -> bool:
        """Whether the first axis of every input is the samples; else a batch is whatever the source gives at once."""
        return all(i.type.shape for i in self.inputs) and len({i.type.dims[0] for i in self.inputs}) == 1

    @property
    def fixed_batch(self) -> int | None:
        """The batch size the graph declares; None where it is symbolic or the inputs have no common first axis."""
        firsts = {i.type.dims[0] if i.type.shape else None for i in self.inputs}
        only = firsts.pop() if len(firsts) == 1 else None
        return only if isinstance(only, int) else None

    def batches(self, size: int | None = None) -> Iterator[Batch]:
        """All data, in batches of at most ``size`` samples, or as the source and the graph have them."""
        size = self.fixed_batch or size
        empty = True
        for number, chunk in enumerate(self._chunks()):
            where = f"data {self.name}" + (f", batch {number}" if number else "")
            for batch in self._split(dict(chunk), size, where):
                empty = False
                yield batch
        if empty:
            raise DataError(f"data {self.name} is empty; at least one sample is needed")

    def first(self, samples: int) -> Batch:
        """One batch of at most ``samples`` samples from the beginning, or of the graph's fixed size."""
        return next(self.batches(samples))

    def _split(self, chunk: dict[str, Any], size: int | None, where: str) -> Iterator[Batch]:
        names = {i.name for i in self.inputs}
        labels, taught = (None if n in names else chunk.pop(n, None) for n in (LABELS, TAUGHT))
        self._require_names(chunk, where)
        arrays = {i.name: np.asarray(chunk[i.name]) for i in self.inputs}
        for i in self.inputs:
            _require_type(i, arrays[i.name], where)
        total = self._samples(arrays, where)
        if total is None:  # no common batch axis: the arrays go in as they are
            yield self._checked(arrays, 1, labels, taught, where)
            return
        for name, given in ((LABELS, labels), (TAUGHT, taught)):
            if given is not None and np.shape(given)[:1] != (total,):
                raise DataError(f"{where}: {len(np.atleast_1d(given))} {WHAT[name]} ({name}) for {total} samples")
        for start in range(0, total, size or max(total, 1)):
            part = {name: a[start : start + (size or total)] for name, a in arrays.items()}
            count = min(size or total, total - start)
            if self.fixed_batch and count < self.fixed_batch:
                part = {n: np.concatenate([a, np.repeat(a[-1:], self.fixed_batch - count, 0)]) for n, a in part.items()}
            some = slice(start, start + count)
            y, said = (None if a is None else a[some] for a in (labels, taught))
            yield self._checked(part, count, y, said, where)

    def _samples(self, arrays: dict[str, Array], where: str) -> int | None:
        """The length of the batch axis, which all inputs share; None when there is none."""
        if not self.has_batch_axis:
            return None
        lengths = {len(a) for a in arrays.values()}
        if len(lengths) > 1:
            shapes = ", ".join(f"{n} {list(a.shape)}" for n, a in arrays.items())
            raise DataError(f"{where}: the inputs have different numbers of samples: {shapes}")
        return lengths.pop() if lengths else None

    def _require_names(self, chunk: dict[str, Any], where: str) -> None:
        if len(self.inputs) == 1 and "x" in chunk and self.inputs[0].name not in chunk:
            chunk[self.inputs[0].name] = chunk.pop("x")
        missing = [i.name for i in self.inputs if i.name not in chunk]
        if missing:
            wanted = ", ".join(f"{i.name}: {i.type}" for i in self.inputs)
            single = " (or 'x')" if len(self.inputs) == 1 and missing != ["x"] else ""
            raise DataError(
                f"{where} has no array {missing[0]!r}{single}; the model takes {wanted}, the data has {sorted(chunk)}"
            )

    def _checked(self, feed: dict[str, Array], count: int, labels: Any, taught: Any, where: str) -> Batch:
        for name, a in feed.items():
            if a.dtype.kind in "fc" and not np.isfinite(a).all():
                at = tuple(map(int, np.argwhere(~np.isfinite(a))[0]))
                raise DataError(f"{where}: {name!r} has {a[at]} at {list(at)}; calibration needs finite numbers")
        try:
            check_inputs(self._graph, feed)
        except DataError as e:
            raise DataError(f"{where}: {e}") from None
        return Batch(feed, count, *(None if a is None else np.asarray(a) for a in (labels, taught)))


def _require_type(i: Input, a: Array, where: str) -> None:
    wanted = i.type.dtype.numpy
    if a.dtype != wanted:
        raise DataError(
            f"{where}: {i.name!r} has elements of type {a.dtype}, the model takes {wanted}; "
            f"convert them with .astype({str(wanted)!r})"
        )
    if i.type.shape is not None and a.ndim != len(i.type.shape):
        raise DataError(f"{where}: {i.name!r} has shape {list(a.shape)}, the model takes {i.type}")


def _open(source: Source, graph: Graph) -> tuple[Callable[[], Iterator[Mapping[str, Any]]], str]:
    """A function that yields chunks of arrays by input name, and the name of the source for messages."""
    if isinstance(source, Path) or (isinstance(source, str) and (source.endswith(".npz") or ":" not in source)):
        return _npz(Path(source))
    if isinstance(source, str):
        return _function(source, graph)
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise DataError(
            f"data is a path, 'module:function', a list of arrays or an iterable of dicts; got {type(source).__name__}"
        )
    chunks: Iterable[Any] = _Buffered(source) if iter(source) is source else source
    return (lambda: _named(chunks, graph, "given")), "given"


def _named(chunks: Iterable[Any], graph: Graph, name: str) -> Iterator[Mapping[str, Any]]:
    for number, chunk in enumerate(chunks):
        if isinstance(chunk, Mapping):
            yield chunk
        elif len(graph.inputs) == 1:
            yield {graph.inputs[0].name: chunk}
        else:
            names = ", ".join(repr(i.name) for i in graph.inputs)
            raise DataError(
                f"data {name}, batch {number}: the model has several inputs, so a batch is a dict with keys {names}"
            )


class _Buffered:
    """An iterator made iterable again: what it gave is kept."""

    def __init__(self, iterator: Iterable[Any]) -> None:
        self.rest = iter(iterator)
        self.kept: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        i = 0
        while True:
            if i == len(self.kept):
                try:
                    self.kept.append(next(self.rest))
                except StopIteration:
                    return
            yield self.kept[i]
            i += 1


def _npz(path: Path) -> tuple[Callable[[], Iterator[Mapping[str, Any]]], str]:
    def chunks() -> Iterator[Mapping[str, Any]]:
        try:
            loaded = np.load(path, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                raise DataError(f"data {path} holds a single array; save it with numpy.savez(path, x=array)")
            with loaded as file:
                arrays = {name: file[name] for name in file.files}
        except FileNotFoundError:
            raise DataError(f"data {path}: there is no such file") from None
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as e:
            why = e if zipfile.is_zipfile(path) else "it is no such archive; numpy.savez(path, x=array) writes one"
            raise DataError(f"data {path} cannot be read as .npz: {why}") from e
        yield arrays

    if not path.is_file():
        raise DataError(f"data {path}: there is no such file")
    return chunks, str(path)


def _function(source: str, graph: Graph) -> tuple[Callable[[], Iterator[Mapping[str, Any]]], str]:
    try:
        function = find_function(source)
    except DataError as e:
        raise DataError(f"data {e}; it is a path to an .npz or module:function") from e
    return (lambda: _named(function(), graph, source)), source


def find_function(source: str) -> Callable[..., Any]:
    """The function that ``module:function`` names, also in a module of the working directory; raises DataError."""
    module_name, _, function_name = source.partition(":")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # a console script has its own folder there, not the user's
    try:
        function: Callable[..., Any] = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, ValueError) as e:
        raise DataError(f"{source}: {e}") from e
    return function
