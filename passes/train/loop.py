"""The training loop: the same steps in the same order for a seed, whether in one go or killed and taken up again."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import torch

from lissom.ir.errors import Error
from lissom.ir.graph import Graph
from lissom.passes import notes
from lissom.passes.data import Data
from lissom.passes.progress import bar
from lissom.passes.train.batches import Batches, Samples, Stream, own_generators, reseed
from lissom.passes.train.checkpoint import Checkpoint, fingerprint
from lissom.passes.train.follow import follow_ranges, follow_statistics
from lissom.passes.train.network import Network, trainable
from lissom.passes.train.objective import Objective
from lissom.passes.train.penalties import penalty
from lissom.passes.train.settings import BESIDES, Device, Settings
from lissom.passes.train.sparsity import Gradual, mask_weights

MakeObjective: TypeAlias = Callable[[Network, bool], Objective]
"""An objective for a student; the flag says whether all data has labels."""

MOMENTUM = 0.9


def learn(
    graph: Graph, data: Data, settings: Settings, seed: int, make: MakeObjective, *identity: Graph | str
) -> list[dict[str, Any]]:
    """Train the parameters of ``graph`` in place; returns a row of figures for each epoch.

    ``identity`` is what the result depends on besides graph, data, settings and seed. Raises Error where there is
    nothing to train, and where the loss stops being a number; DataError for data that does not fit.
    """
    device = _device(settings.device)
    with own_generators(), _deterministic(device), torch.enable_grad():
        run = _Run(graph, data, settings, seed, make, device, identity)
        run.train()
        run.network.write_back()
    notes.table("training", lambda: run.history)
    return run.history


class _Run:
    def __init__(
        self,
        graph: Graph,
        data: Data,
        settings: Settings,
        seed: int,
        make: MakeObjective,
        device: torch.device,
        identity: tuple[Graph | str, ...],
    ) -> None:
        self.settings, self.seed = settings, seed
        self.batches = (
            Batches(data, settings.batch, device, seed, settings.held_out)
            if settings.shuffle
            else Stream(data, settings.batch, device, seed)
        )
        self.steps = settings.epochs * self.batches.steps
        self.checkpoint = self._checkpoint(graph, identity)
        masks = mask_weights(graph) if settings.sparsity else []
        parameters = trainable(graph)
        if not parameters:
            raise Error(f"graph {graph.name!r} has nothing to train: no constant that ops read is a trainable float")
        self.network = Network(graph, device, parameters, batch_statistics=settings.batch_norm == "batch")
        if settings.batch_norm == "batch":
            follow_statistics(self.network)
        if settings.grids == "follow":
            follow_ranges(self.network)
        self.gradual = Gradual(self.network, masks, settings.sparsity, self.steps) if settings.sparsity else None
        self.objective = make(self.network, self.batches.labelled)
        self.penalty = penalty(self.network, settings.penalty or {})
        self.parameters = [*self.network.parameters.values(), *self.objective.parameters]
        self.optimizer = self._optimizer()
        self.step = 0
        self.sums: dict[str, float] = {}
        self.history: list[dict[str, Any]] = []
        self.best: list[torch.Tensor] = []
        self.done = False
        self.saved = time.monotonic()

    def _checkpoint(self, graph: Graph, identity: tuple[Graph | str, ...]) -> Checkpoint | None:
        if self.settings.checkpoint is None:
            return None
        affecting = {k: v for k, v in asdict(self.settings).items() if k not in BESIDES}
        name = fingerprint(graph, *identity, json.dumps(affecting), str(self.seed), self.batches.digest())
        return Checkpoint(Path(self.settings.checkpoint), name)

    def _optimizer(self) -> torch.optim.Optimizer:
        """Weights of two or more axes decay, biases and scales do not."""
        sgd = self.settings.optimizer == "sgd"
        members: dict[tuple[bool, float], list[torch.nn.Parameter]] = {}
        for p in self.parameters:
            members.setdefault((p.ndim > 1, 1.0 if sgd else self.network.rates.get(p, 1.0)), []).append(p)
        groups: list[dict[str, Any]] = [
            {"params": found, "weight_decay": self.settings.decay if decays else 0.0, "rate": rate}
            for (decays, rate), found in members.items()
        ]
        if sgd:
            return torch.optim.SGD(groups, self.settings.lr, MOMENTUM, nesterov=True)
        return torch.optim.AdamW(groups, self.settings.lr)

    def train(self) -> None:
        """All steps that are left."""
        self._restore()
        with bar("training", self.steps, self.settings.progress) as advance:
            while not self.done:
                epoch = len(self.history)
                for step in self.batches.epoch(epoch, self.step - epoch * self.batches.steps):
                    self._train_step(step)
                    advance(self.step, f"epoch {epoch + 1}/{self.settings.epochs}  {_text(self._means())}")
                    if time.monotonic() - self.saved >= self.settings.every:
                        self._save()
                self._end_epoch()
                self._save()

    def _train_step(self, batches: list[Samples]) -> None:
        reseed(self.seed, 4, self.step)
        if self.gradual is not None:
            self.gradual.before_step(self.step)
        if self.step >= self.settings.freeze * self.steps:
            self.network.freeze()
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate(self.step, self.steps) * group["rate"]
        self.optimizer.zero_grad()
        weight = sum(s.weight for s in batches)
        total = 0.0
        for samples in batches:
            loss, figures = self.objective(samples, training=True, dropout=self.settings.dropout)
            torch.autograd.backward(loss * (samples.weight / weight))
            total += loss.item() * samples.weight / weight
            self._count(figures, samples.weight)
        if self.penalty is not None:
            extra = self.penalty()
            torch.autograd.backward(extra)
            total += extra.item()
        if not math.isfinite(total):
            raise Error(
                f"the loss is {total} at step {self.step + 1} of {self.steps} (epoch {len(self.history) + 1}); "
                f"a lower learning rate may help: lr is {self.settings.lr:g}"
            )
        self._count({"loss": total}, weight)
        self.optimizer.step()
        self.network.after_step()
        self.step += 1

    def _count(self, figures: Mapping[str, float], weight: int) -> None:
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * weight
            self.sums[f"{name} of"] = self.sums.get(f"{name} of", 0.0) + weight

    def _means(self) -> dict[str, float]:
        names = sorted((n for n in self.sums if not n.endswith(" of")), reverse=True)
        return {n: self.sums[n] / self.sums[f"{n} of"] for n in names}

    def _end_epoch(self) -> None:
        """The row of the epoch, and whether it was the last: all are done, or held-out data got no better."""
        row: dict[str, Any] = {"epoch": len(self.history) + 1, **self._means()}
        self.sums = {}
        if len(self.batches.held if self.settings.held_out else ()):
            row |= {f"held-out {name}": value for name, value in self._held_out().items()}
        self.history.append(row)
        self.done = len(self.history) == self.settings.epochs
        if self.settings.patience:
            losses = [r["held-out loss"] for r in self.history]
            best = losses.index(min(losses))
            if best == len(losses) - 1:
                self.best = [t.detach().clone() for t in self._tensors()]
            self.done |= len(losses) - 1 - best >= self.settings.patience
            if self.done:
                self._put(self.best)

    @torch.no_grad()
    def _held_out(self) -> dict[str, float]:
        self.sums = {}
        for samples in self.batches.held_out():
            loss, figures = self.objective(samples)
            self._count({"loss": loss.item(), **figures}, samples.weight)
        means, self.sums = self._means(), {}
        return means

    # ---- checkpoints

    def _tensors(self) -> list[torch.Tensor]:
        return [*self.parameters, *self.network.states.values()]

    @torch.no_grad()
    def _put(self, tensors: list[torch.Tensor]) -> None:
        for parameter, value in zip(self.parameters, tensors, strict=False):
            parameter.copy_(value)
        for const, value in zip(self.network.states, tensors[len(self.parameters) :], strict=True):
            self.network.states[const] = value.to(self.network.device, copy=True)

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        tensors = {f"tensor.{i}": t for i, t in enumerate(self._tensors())}
        tensors |= {f"best.{i}": t for i, t in enumerate(self.best)}
        for i, p in enumerate(self.parameters):
            for key, value in self.optimizer.state.get(p, {}).items():
                if isinstance(value, torch.Tensor):
                    tensors[f"optimizer.{i}.{key}"] = value
        state = {"step": self.step, "steps": self.steps, "done": self.done, "sums": self.sums, "history": self.history}
        self.checkpoint.save(state, tensors)
        self.saved = time.monotonic()

    def _restore(self) -> None:
        found = self.checkpoint.load() if self.checkpoint is not None else None
        if found is None:
            return
        state, tensors = found
        self.step, self.done = state["step"], state["done"]
        self.sums, self.history = state["sums"], state["history"]
        self._put([tensors[f"tensor.{i}"] for i in range(len(self._tensors()))])
        if "best.0" in tensors:
            self.best = [tensors[f"best.{i}"].to(self.network.device) for i in range(len(self._tensors()))]
        for name, value in tensors.items():
            if name.startswith("optimizer."):
                _, i, key = name.split(".")
                p = self.parameters[int(i)]
                # AdamW counts its steps on the CPU
                self.optimizer.state[p][key] = value if key == "step" else value.to(p.device)


def _text(means: Mapping[str, float]) -> str:
    return "  ".join(f"{n} {v:.4f}" if n == "loss" else f"{n} {v:.2%}" for n, v in means.items())


def _device(wanted: Device) -> torch.device:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise Error("device=cuda: PyTorch finds no CUDA device here; device=cpu trains on the processor")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


@contextlib.contextmanager
def _deterministic(device: torch.device) -> Iterator[None]:
    """On CUDA, kernels that give the same bits every time, as far as there are some."""
    if device.type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
