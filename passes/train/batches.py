"""The samples of a training run: a random order for every epoch that depends on the seed alone."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from lissom.ir.errors import DataError
from lissom.ir.tensors import to_tensor
from lissom.ir.types import Array
from lissom.passes.data import Batch, Data


@dataclass(frozen=True)
class Samples:
    """Tensors by input name, and labels and answers of a teacher where the data has them.

    ``weight`` is how many samples they are; ``real`` the same where a fixed batch is filled up, else None.
    """

    feed: dict[str, torch.Tensor]
    labels: torch.Tensor | None
    taught: torch.Tensor | None
    weight: int
    real: int | None = None


class Batches:
    """All data in memory, drawn in a new order every epoch.

    A step takes ``group`` batches of ``size`` samples: one, unless the graph fixes its batch to less than is asked for.
    The last step of an epoch is filled up from the beginning of its order, so that all steps weigh the same. Where
    inputs have no common batch axis, what the source gives at once counts as a sample.
    """

    steps: int
    """Steps an epoch."""

    def __init__(self, data: Data, size: int, device: torch.device, seed: int, holdout: float = 0.0) -> None:
        self.data, self.device, self.seed = data, device, seed
        self.parts = list(data.batches())
        labels, taught = self._beside([b.labels for b in self.parts]), self._beside([b.taught for b in self.parts])
        self.labelled = bool(labels)
        if data.has_batch_axis:
            feed = {n: np.concatenate([b.feed[n][: b.count] for b in self.parts]) for n in self.parts[0].feed}
            total = sum(b.count for b in self.parts)
            self.parts = [Batch(feed, total, *(np.concatenate(a) if a else None for a in (labels, taught)))]
        else:
            total = len(self.parts)
        order = np.random.default_rng([seed, 1]).permutation(total)
        kept = round(total * holdout)
        if holdout and not 0 < kept < total:
            raise DataError(f"data {data.name}: holding out {holdout:g} of {total} samples leaves one side empty")
        self.held, self.drawn = np.sort(order[:kept]), np.sort(order[kept:])
        self.size, self.group = _sizes(data, size if data.fixed_batch else min(size, len(self.drawn)))
        self.steps = math.ceil(len(self.drawn) / (self.size * self.group))

    def epoch(self, number: int, first: int = 0) -> Iterator[list[Samples]]:
        """The batches of each step of an epoch, from the step ``first`` on."""
        order = np.random.default_rng([self.seed, 2, number]).permutation(self.drawn)
        filled = np.resize(order, self.steps * self.group * self.size).reshape(self.steps, self.group, self.size)
        for step in filled[first:]:
            yield [self._take(chosen, self.size) for chosen in step]

    def held_out(self) -> Iterator[Samples]:
        """What is held out of training, in order."""
        for start in range(0, len(self.held), self.size):
            chosen = self.held[start : start + self.size]
            yield self._take(np.resize(chosen, self.size) if self.data.fixed_batch else chosen, len(chosen))

    def digest(self) -> str:
        """A hash of all data."""
        hashed = hashlib.blake2b()
        for b in self.parts:
            for a in (*b.feed.values(), *(a for a in (b.labels, b.taught) if a is not None)):
                hashed.update(f"{a.dtype}{a.shape}".encode() + np.ascontiguousarray(a).tobytes())
        return hashed.hexdigest()

    def _take(self, chosen: npt.NDArray[np.int64], count: int) -> Samples:
        if not self.data.has_batch_axis:
            return to_samples(self.parts[int(chosen[0])], self.data, self.device)
        (whole,) = self.parts
        beside = (None if a is None else a[chosen[:count]] for a in (whole.labels, whole.taught))
        return to_samples(Batch({n: a[chosen] for n, a in whole.feed.items()}, count, *beside), self.data, self.device)

    def _beside(self, arrays: list[Array | None]) -> list[Array]:
        """What batches have beside their inputs: all of them something, or none of them anything."""
        given = [a for a in arrays if a is not None]
        if given and len(given) < len(arrays):
            raise DataError(f"data {self.data.name}: some batches have labels y or answers of a teacher, others none")
        return given


class Stream(Batches):
    """Batches as the source gives them, read anew every epoch: data that does not fit into memory, or is augmented.

    Before each batch is read the generators of torch, numpy and Python are set by seed, epoch and number, so that a
    source that draws from them gives the same batches again. It is read once beforehand to count them.
    """

    def __init__(self, data: Data, size: int, device: torch.device, seed: int) -> None:
        self.data, self.device, self.seed = data, device, seed
        self.size, self.group = _sizes(data, size)
        read = [batch.labels is not None for batch in data.batches(self.size)]
        self.steps, self.labelled = math.ceil(len(read) / self.group), all(read)
        self.count = len(read)

    def epoch(self, number: int, first: int = 0) -> Iterator[list[Samples]]:
        """The batches of each step of an epoch; those before the step ``first`` are read and dropped."""
        source = self.data.batches(self.size)
        step: list[Samples] = []
        for i in range(self.count):
            reseed(self.seed, 3, number, i)
            batch = next(source, None)
            if batch is None:
                raise DataError(f"data {self.data.name} had {self.count} batches when counted, now it has {i}")
            if i >= first * self.group:
                step.append(to_samples(batch, self.data, self.device))
            if len(step) == self.group or (step and i == self.count - 1):
                yield step
                step = []

    def held_out(self) -> Iterator[Samples]:
        return iter(())

    def digest(self) -> str:
        """The name of the source, whose content is not known before it is read."""
        return self.data.name


def _sizes(data: Data, wanted: int) -> tuple[int, int]:
    """Samples a batch and batches a step."""
    fixed = data.fixed_batch if data.has_batch_axis else 1
    return (fixed, max(1, wanted // fixed)) if fixed else (wanted, 1)


def to_samples(batch: Batch, data: Data, device: torch.device) -> Samples:
    """A batch on the device; integer labels become int64, others float32."""
    feed = {i.name: to_tensor(batch.feed[i.name], i.type.dtype).to(device) for i in data.inputs}
    filled = data.has_batch_axis and batch.count < (data.fixed_batch or 0)
    labels, taught = (None if a is None else _numbers(a).to(device) for a in (batch.labels, batch.taught))
    return Samples(feed, labels, taught, batch.count, batch.count if filled else None)


def _numbers(a: Array) -> torch.Tensor:
    return torch.from_numpy(np.array(a, np.float32 if a.dtype.kind == "f" else np.int64))


def reseed(*numbers: int) -> None:
    """Set the generators of torch, numpy and Python to what these numbers give."""
    seed = int(np.random.SeedSequence(numbers).generate_state(1)[0])
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


@contextmanager
def own_generators() -> Iterator[None]:
    """Leave the generators of torch, numpy and Python as they were."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    with torch.random.fork_rng():
        yield
    np.random.set_state(numpy_state)
    random.setstate(python_state)
